// @ts-check
/**
 * One view of a photo: three canvases on top of each other, for the photo, a mask in colour, and marks.
 *
 * @typedef {import("./viewport.js").Viewport} Viewport
 * @typedef {import("./geometry.js").Rect} Rect
 * @typedef {import("./tint.js").Tints} Tints
 * @typedef {object} Pane
 * @property {HTMLElement} element
 * @property {CanvasRenderingContext2D} photo
 * @property {CanvasRenderingContext2D} tint
 * @property {CanvasRenderingContext2D} marks
 * @property {number} ratio device pixels per CSS pixel
 * @property {number} width in CSS pixels
 * @property {number} height in CSS pixels
 */

import { clip } from "./geometry.js";
import { drawTint } from "./tint.js";

const SHARP = 1.5; // device pixels per pixel of the photo from which on its pixels are shown as squares
const GRID = 9; // CSS pixels per pixel of the photo from which on lines between the pixels help

/** Make the canvases of a pane. @param {HTMLElement} element @returns {Pane} */
export function newPane(element) {
  const contexts = ["photo", "tint", "marks"].map((layer) => {
    const canvas = document.createElement("canvas");
    canvas.className = layer;
    canvas.setAttribute("aria-hidden", "true");
    element.append(canvas);
    return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: layer === "tint" }));
  });
  return { element, photo: contexts[0], tint: contexts[1], marks: contexts[2], ratio: 1, width: 0, height: 0 };
}

/** Fit the canvases to the element and the screen. @param {Pane} pane */
export function measure(pane) {
  pane.ratio = window.devicePixelRatio || 1;
  pane.width = pane.element.clientWidth;
  pane.height = pane.element.clientHeight;
  for (const { canvas } of [pane.photo, pane.tint, pane.marks]) {
    const width = Math.round(pane.width * pane.ratio), height = Math.round(pane.height * pane.ratio);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
  }
}

/**
 * Draw the photo.
 *
 * @param {Pane} pane
 * @param {ImageBitmap} bitmap
 * @param {Viewport} view
 */
export function drawPhoto(pane, bitmap, view) {
  const context = pane.photo, zoom = view.scale * pane.ratio;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  context.imageSmoothingEnabled = zoom < SHARP;
  context.imageSmoothingQuality = "high";
  context.setTransform(zoom, 0, 0, zoom, -view.x * zoom, -view.y * zoom);
  context.drawImage(bitmap, 0, 0);
}

/**
 * Draw a mask, or the part of it that changed.
 *
 * @param {Pane} pane
 * @param {{mask: Uint8Array, width: number, height: number}} picture
 * @param {Viewport} view
 * @param {Tints} tints
 * @param {Rect|null} [changed] in pixels of the photo; all of it where there is none
 */
export function drawMask(pane, picture, view, tints, changed = null) {
  const zoom = view.scale * pane.ratio, margin = 2 * Math.ceil(pane.ratio) + 1;
  const { width, height } = pane.tint.canvas;
  const part = changed === null ? { x0: 0, y0: 0, x1: width, y1: height } : clip({
    x0: Math.floor((changed.x0 - view.x) * zoom) - margin, y0: Math.floor((changed.y0 - view.y) * zoom) - margin,
    x1: Math.ceil((changed.x1 - view.x) * zoom) + margin, y1: Math.ceil((changed.y1 - view.y) * zoom) + margin,
  }, width, height);
  if (part && width && height) {
    drawTint(pane.tint, picture.mask, picture.width, picture.height, view, pane.ratio, tints, part);
  }
}

/** @param {CanvasRenderingContext2D} context */
export function clear(context) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
}

/**
 * Draw lines between the pixels of the photo, where they are large enough to be told apart.
 *
 * @param {Pane} pane
 * @param {{width: number, height: number}} photo
 * @param {Viewport} view
 */
export function drawGrid(pane, photo, view) {
  if (view.scale < GRID) return;
  const context = pane.marks, zoom = view.scale * pane.ratio;
  const shown = clip({
    x0: Math.floor(view.x), y0: Math.floor(view.y),
    x1: Math.ceil(view.x + pane.width / view.scale), y1: Math.ceil(view.y + pane.height / view.scale),
  }, photo.width, photo.height);
  if (!shown) return;
  context.fillStyle = "rgba(140, 150, 156, 0.42)";
  const line = Math.max(1, Math.floor(pane.ratio));
  const left = Math.round((shown.x0 - view.x) * zoom), right = Math.round((shown.x1 - view.x) * zoom);
  const top = Math.round((shown.y0 - view.y) * zoom), bottom = Math.round((shown.y1 - view.y) * zoom);
  for (let x = shown.x0; x <= shown.x1; x++) context.fillRect(Math.round((x - view.x) * zoom), top, line, bottom - top);
  for (let y = shown.y0; y <= shown.y1; y++) context.fillRect(left, Math.round((y - view.y) * zoom), right - left, line);
}

/**
 * Draw a line that is seen on any photo: light on dark.
 *
 * @param {Pane} pane
 * @param {(path: Path2D) => void} draw adds to a path in CSS pixels of the pane
 * @param {{dash?: number[], colour?: string, width?: number}} [style]
 */
export function drawLine(pane, draw, style = {}) {
  const path = new Path2D(), context = pane.marks;
  draw(path);
  context.setTransform(pane.ratio, 0, 0, pane.ratio, 0, 0);
  context.lineJoin = "round";
  context.setLineDash([]);
  context.lineWidth = (style.width ?? 1.25) + 1.75;
  context.strokeStyle = "rgba(0, 0, 0, 0.55)";
  context.stroke(path);
  context.setLineDash(style.dash ?? []);
  context.lineWidth = style.width ?? 1.25;
  context.strokeStyle = style.colour ?? "#ffffff";
  context.stroke(path);
  context.setTransform(1, 0, 0, 1, 0, 0);
}
