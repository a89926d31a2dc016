// @ts-check
/**
 * A mask in colour, computed for each pixel of the screen: sharp at any zoom, and its cost does not grow with the photo.
 *
 * @typedef {import("./viewport.js").Viewport} Viewport
 * @typedef {import("./geometry.js").Rect} Rect
 * @typedef {{fill: Uint32Array, edge: Uint32Array, hatch: Uint8Array}} Tints  for each of 256 ids, colours as ABGR
 * @typedef {{id: number, name: string, rgb: [number, number, number]}} ClassInfo
 */

const HATCH_PX = 5; // width of the stripes over pixels to be ignored, in CSS pixels

/**
 * The colours of classes over a photo: a black first class (the background) is left clear.
 *
 * @param {ClassInfo[]} classes
 * @param {number} ignore the id of pixels to be ignored
 * @param {number} opacity in [0, 1]
 * @param {boolean} outlineOnly
 * @returns {Tints}
 */
export function classTints(classes, ignore, opacity, outlineOnly) {
  const tints = { fill: new Uint32Array(256), edge: new Uint32Array(256), hatch: new Uint8Array(256) };
  for (const { id, rgb } of classes) {
    if (isClear({ id, rgb })) continue;
    tints.fill[id] = abgr(rgb, outlineOnly ? 0 : opacity);
    tints.edge[id] = abgr(rgb, 1);
  }
  tints.hatch[ignore] = 1;
  tints.fill[ignore] = abgr([255, 255, 255], outlineOnly ? 0.25 : Math.max(0.25, opacity));
  tints.edge[ignore] = abgr([255, 255, 255], 1);
  return tints;
}

/** Whether a class lets the photo through. @param {{id: number, rgb: [number, number, number]}} one */
export function isClear({ id, rgb }) {
  return id === 0 && Math.max(...rgb) === 0;
}

/** The colours of what a proposal would change: 1 adds an object, 2 takes one away, 3 gives another class. */
export const DIFFERENCES = { 1: [32, 164, 150], 2: [224, 92, 46], 3: [150, 96, 220] };

/** @param {number} opacity @param {boolean} outlineOnly @returns {Tints} */
export function differenceTints(opacity, outlineOnly) {
  const tints = { fill: new Uint32Array(256), edge: new Uint32Array(256), hatch: new Uint8Array(256) };
  for (const [id, rgb] of Object.entries(DIFFERENCES)) {
    tints.fill[Number(id)] = abgr(rgb, outlineOnly ? 0 : Math.max(0.35, opacity));
    tints.edge[Number(id)] = abgr(rgb, 1);
  }
  return tints;
}

/** @param {number[]} rgb @param {number} alpha */
function abgr(rgb, alpha) {
  return ((Math.round(255 * alpha) << 24) | (rgb[2] << 16) | (rgb[1] << 8) | rgb[0]) >>> 0;
}

/**
 * What a proposal would change in a label.
 *
 * @param {Uint8Array} label class ids, H*W
 * @param {Uint8Array} proposal class ids, H*W
 * @returns {Uint8Array} for each pixel 0 same, 1 added, 2 taken away, 3 other class
 */
export function difference(label, proposal) {
  return label.map((old, at) => (old === proposal[at] ? 0 : old === 0 ? 1 : proposal[at] === 0 ? 2 : 3));
}

/**
 * Draw a mask into a part of a canvas.
 *
 * @param {CanvasRenderingContext2D} context of a canvas that is used for nothing else
 * @param {Uint8Array} mask class ids, H*W
 * @param {number} width of the mask
 * @param {number} height of the mask
 * @param {Viewport} view
 * @param {number} ratio device pixels per CSS pixel
 * @param {Tints} tints
 * @param {Rect} part of the canvas, in device pixels, inside of it
 */
export function drawTint(context, mask, width, height, view, ratio, tints, part) {
  const wide = part.x1 - part.x0, high = part.y1 - part.y0, reach = Math.max(1, Math.round(1.25 * ratio));
  const image = context.createImageData(wide, high), out = new Uint32Array(image.data.buffer);
  const step = 1 / (ratio * view.scale), stripe = HATCH_PX * ratio;
  const columns = lookUp(part.x0 - reach, part.x1 + reach, view.x, step, width);
  const rows = lookUp(part.y0 - reach, part.y1 + reach, view.y, step, height);
  const { fill, edge, hatch } = tints;
  for (let j = 0; j < high; j++) {
    const row = rows[j + reach];
    if (row < 0) continue;
    const here = row * width, above = inside(rows[j], row) * width, below = inside(rows[j + 2 * reach], row) * width;
    for (let i = 0, at = j * wide; i < wide; i++, at++) {
      const column = columns[i + reach];
      if (column < 0) continue;
      const id = mask[here + column];
      if (edge[id] === 0) continue;
      const left = columns[i], right = columns[i + 2 * reach];
      const onEdge = mask[above + column] !== id || mask[below + column] !== id
        || mask[here + (left < 0 ? column : left)] !== id || mask[here + (right < 0 ? column : right)] !== id;
      if (onEdge) out[at] = edge[id];
      else if (!hatch[id] || (part.x0 + i + part.y0 + j) % (2 * stripe) < stripe) out[at] = fill[id];
    }
  }
  context.putImageData(image, part.x0, part.y0);
}

/** The row or column of the mask under each device pixel, -1 outside. */
function lookUp(
  /** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ origin, /** @type {number} */ step,
  /** @type {number} */ size,
) {
  const found = new Int32Array(to - from);
  for (let at = from; at < to; at++) {
    const position = Math.floor(origin + (at + 0.5) * step);
    found[at - from] = position < 0 || position >= size ? -1 : position;
  }
  return found;
}

/** @param {number} row @param {number} otherwise */
function inside(row, otherwise) {
  return row < 0 ? otherwise : row;
}
