// @ts-check
/**
 * What is drawn over the mask: pixel grid, the region of a reason, selection, the tool at work, the brush.
 *
 * @typedef {import("./app.js").App} App
 * @typedef {import("./pane.js").Pane} Pane
 * @typedef {import("./viewport.js").Viewport} Viewport
 * @typedef {import("./geometry.js").Point} Point
 */

import { drawGrid, drawLine } from "./pane.js";
import { brushSpans, snapped } from "./raster.js";
import { TOOLS, atWork } from "./toolset.js";
import { toPane } from "./viewport.js";

const EXACT_UP_TO = 48; // brushes up to this diameter show the pixels they cover, larger ones a circle

/** @param {App} app @param {Pane} pane @param {Viewport} view @param {Point|null} pointer */
export function drawMarks(app, pane, view, pointer) {
  const opened = app.opened;
  if (!opened) return;
  drawGrid(pane, opened.photo, view);
  drawEvidence(app, pane, view);
  drawSelection(app, pane, view);
  drawWork(app, pane, view, pointer);
  if (pointer) drawPointer(app, pane, view, pointer);
}

/** @param {App} app @param {Pane} pane @param {Viewport} view */
function drawEvidence(app, pane, view) {
  const region = app.opened?.facts.findings[app.finding]?.region_xywh;
  if (!region || app.settings.hidden) return;
  const [x, y, width, height] = region, from = toPane(view, { x, y });
  drawLine(pane, (path) => path.rect(from.x - 3, from.y - 3, width * view.scale + 6, height * view.scale + 6), { dash: [6, 4] });
}

/** @param {App} app @param {Pane} pane @param {Viewport} view */
function drawSelection(app, pane, view) {
  const outline = app.opened?.work.selection?.outline;
  if (outline) drawLine(pane, (path) => trace(path, outline, view, true), { dash: [5, 5] });
}

/** @param {Path2D} path @param {Point[]} points @param {Viewport} view @param {boolean} closed */
function trace(path, points, view, closed) {
  points.forEach((point, index) => {
    const at = toPane(view, point);
    if (index) path.lineTo(at.x, at.y);
    else path.moveTo(at.x, at.y);
  });
  if (closed) path.closePath();
}

/** @param {App} app @param {Pane} pane @param {Viewport} view @param {Point|null} pointer */
function drawWork(app, pane, view, pointer) {
  const { corners, box, points } = atWork();
  if (corners.length) {
    const loose = app.settings.tool === "polygon" && pointer ? [...corners, pointer] : corners;
    drawLine(pane, (path) => trace(path, loose, view, false));
    if (app.settings.tool === "polygon") for (const corner of corners) drawDot(pane, view, corner, "#ffffff");
  }
  if (box) {
    const a = toPane(view, box.from), b = toPane(view, box.to);
    drawLine(pane, (path) => path.rect(Math.min(a.x, b.x), Math.min(a.y, b.y), Math.abs(a.x - b.x), Math.abs(a.y - b.y)));
  }
  for (const [x, y, inside] of points) drawDot(pane, view, { x, y }, inside ? "#3ddc97" : "#ff6b57");
}

/** @param {Pane} pane @param {Viewport} view @param {Point} point @param {string} colour */
function drawDot(pane, view, point, colour) {
  const at = toPane(view, point);
  drawLine(pane, (path) => path.arc(at.x, at.y, 3, 0, 2 * Math.PI), { colour, width: 2 });
}

/** @param {App} app @param {Pane} pane @param {Viewport} view @param {Point} pointer */
function drawPointer(app, pane, view, pointer) {
  if (!TOOLS[app.settings.tool].round) return drawCross(pane, view, pointer);
  const size = app.settings.size, centre = snapped(pointer, size);
  if (size > EXACT_UP_TO || size * view.scale < 6) {
    const at = toPane(view, centre), radius = Math.max(2, (size / 2) * view.scale);
    return drawLine(pane, (path) => path.arc(at.x, at.y, radius, 0, 2 * Math.PI));
  }
  drawLine(pane, (path) => traceFootprint(path, centre, size, view));
}

/** Round the pixels that the brush would cover. @param {Path2D} path @param {Point} centre @param {number} size @param {Viewport} view */
function traceFootprint(path, centre, size, view) {
  const spread = size + 4, origin = { x: Math.floor(centre.x) - spread, y: Math.floor(centre.y) - spread };
  const local = { x: centre.x - origin.x, y: centre.y - origin.y };
  /** @type {{y: number, x0: number, x1: number}[]} */
  const spans = [];
  brushSpans(local, local, size, 2 * spread, 2 * spread, (y, x0, x1) => spans.push({ y, x0, x1 }));
  const right = spans.flatMap(({ y, x1 }) => [{ x: x1, y }, { x: x1, y: y + 1 }]);
  const left = spans.reverse().flatMap(({ y, x0 }) => [{ x: x0, y: y + 1 }, { x: x0, y }]);
  trace(path, [...right, ...left].map(({ x, y }) => ({ x: x + origin.x, y: y + origin.y })), view, true);
}

/** Where the pointer is, seen in all panes. @param {Pane} pane @param {Viewport} view @param {Point} pointer */
function drawCross(pane, view, pointer) {
  if (pane.element.matches(":hover")) return;
  const at = toPane(view, pointer);
  drawLine(pane, (path) => {
    path.moveTo(at.x - 6, at.y), path.lineTo(at.x + 6, at.y);
    path.moveTo(at.x, at.y - 6), path.lineTo(at.x, at.y + 6);
  });
}
