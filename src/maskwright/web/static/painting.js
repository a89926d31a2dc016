// @ts-check
/**
 * A mask that is being painted: every change goes through an edit, and every edit can be undone and done again.
 *
 * The mask is cut into square tiles. An edit keeps a tile as it was before the first pixel in it changes; when the edit
 * ends, only tiles that differ stay, packed, so that thousands of strokes on a large photo need little memory.
 *
 * @typedef {import("./geometry.js").Rect} Rect
 * @typedef {{rect: Rect, before: Uint8Array, after: Uint8Array}} TileChange  contents packed
 * @typedef {{what: string, tiles: TileChange[], rect: Rect}} Edit
 * @typedef {object} Painting
 * @property {number} width
 * @property {number} height
 * @property {Uint8Array} mask class ids, H*W, changed in place
 * @property {Edit[]} done
 * @property {Edit[]} undone
 * @property {Map<number, Uint8Array>|null} open tiles of the edit in progress as they were before it
 */

import { packed, sameBytes, unpacked } from "./bytes.js";
import { clip, union } from "./geometry.js";

const TILE = 128; // a stroke of an ordinary brush touches a few of them, a whole photo of 12 Mpx has 750

/** @param {number} width @param {number} height @param {Uint8Array} mask  taken over, not copied @returns {Painting} */
export function painting(width, height, mask) {
  return { width, height, mask, done: [], undone: [], open: null };
}

/** Begin an edit; one that is open already goes on. @param {Painting} target */
export function begin(target) {
  target.open ??= new Map();
}

/**
 * Give a run of pixels a class.
 *
 * @param {Painting} target with an open edit
 * @param {number} y row, in range
 * @param {number} x0 first column, in range
 * @param {number} x1 column after the last
 * @param {number} id
 */
export function paintSpan(target, y, x0, x1, id) {
  keepTiles(target, { x0, y0: y, x1, y1: y + 1 });
  target.mask.fill(id, y * target.width + x0, y * target.width + x1);
}

/**
 * Give pixels the classes of another mask.
 *
 * @param {Painting} target with an open edit
 * @param {Uint8Array} source class ids, H*W
 * @param {Rect} rect where
 * @param {Uint8Array|null} [where] 1 on the pixels that are meant, H*W
 */
export function paintFrom(target, source, rect, where = null) {
  const inside = clip(rect, target.width, target.height);
  if (!inside) return;
  keepTiles(target, inside);
  for (let y = inside.y0; y < inside.y1; y++) {
    const start = y * target.width + inside.x0, end = y * target.width + inside.x1;
    if (!where) target.mask.set(source.subarray(start, end), start);
    else for (let at = start; at < end; at++) if (where[at]) target.mask[at] = source[at];
  }
}

/**
 * Give the pixels of a region one class.
 *
 * @param {Painting} target with an open edit
 * @param {{inside: Uint8Array, rect: Rect}} region
 * @param {number} id
 */
export function paintRegion(target, region, id) {
  const { inside, rect } = region;
  keepTiles(target, rect);
  for (let y = rect.y0; y < rect.y1; y++) {
    for (let at = y * target.width + rect.x0; at < y * target.width + rect.x1; at++) if (inside[at]) target.mask[at] = id;
  }
}

/** @param {Painting} target @param {Rect} rect in range */
function keepTiles(target, rect) {
  const open = target.open;
  if (!open) throw new Error("no edit is open");
  const columns = Math.ceil(target.width / TILE);
  for (let row = Math.floor(rect.y0 / TILE); row * TILE < rect.y1; row++) {
    for (let column = Math.floor(rect.x0 / TILE); column * TILE < rect.x1; column++) {
      const tile = row * columns + column;
      if (!open.has(tile)) open.set(tile, contents(target, tileRect(target, tile)));
    }
  }
}

/** @param {Painting} target @param {number} tile @returns {Rect} */
function tileRect(target, tile) {
  const columns = Math.ceil(target.width / TILE), x0 = (tile % columns) * TILE, y0 = Math.floor(tile / columns) * TILE;
  return { x0, y0, x1: Math.min(target.width, x0 + TILE), y1: Math.min(target.height, y0 + TILE) };
}

/** The pixels of a rectangle, row by row. @param {Painting} target @param {Rect} rect */
function contents(target, rect) {
  const width = rect.x1 - rect.x0, copy = new Uint8Array(width * (rect.y1 - rect.y0));
  for (let y = rect.y0; y < rect.y1; y++) {
    const start = y * target.width + rect.x0;
    copy.set(target.mask.subarray(start, start + width), (y - rect.y0) * width);
  }
  return copy;
}

/** @param {Painting} target @param {Rect} rect @param {Uint8Array} pixels row by row */
function restore(target, rect, pixels) {
  const width = rect.x1 - rect.x0;
  for (let y = rect.y0; y < rect.y1; y++) {
    target.mask.set(pixels.subarray((y - rect.y0) * width, (y - rect.y0 + 1) * width), y * target.width + rect.x0);
  }
}

/**
 * End the edit.
 *
 * @param {Painting} target
 * @param {string} what the action's name
 * @returns {Rect|null} where something changed; null when nothing did, and then there is nothing to undo
 */
export function commit(target, what) {
  const tiles = [];
  let rect = null;
  for (const [tile, before] of target.open ?? []) {
    const place = tileRect(target, tile), after = contents(target, place);
    if (sameBytes(before, after)) continue;
    tiles.push({ rect: place, before: packed(before), after: packed(after) });
    rect = union(rect, place);
  }
  target.open = null;
  if (rect) {
    target.done.push({ what, tiles, rect });
    target.undone = [];
  }
  return rect;
}

/** Give the edit up: the mask is as it was when the edit began. @param {Painting} target @returns {Rect|null} */
export function abandon(target) {
  let rect = null;
  for (const [tile, before] of target.open ?? []) {
    restore(target, tileRect(target, tile), before);
    rect = union(rect, tileRect(target, tile));
  }
  target.open = null;
  return rect;
}

/** Undo the last edit. @param {Painting} target @returns {Edit|null} null when there is none */
export function undo(target) {
  const edit = target.done.pop() ?? null;
  if (edit) {
    target.undone.push(edit);
    for (const tile of edit.tiles) restore(target, tile.rect, unpacked(tile.before, area(tile.rect)));
  }
  return edit;
}

/** Do the last undone edit again. @param {Painting} target @returns {Edit|null} null when there is none */
export function redo(target) {
  const edit = target.undone.pop() ?? null;
  if (edit) {
    target.done.push(edit);
    for (const tile of edit.tiles) restore(target, tile.rect, unpacked(tile.after, area(tile.rect)));
  }
  return edit;
}

/** @param {Rect} rect */
function area(rect) {
  return (rect.x1 - rect.x0) * (rect.y1 - rect.y0);
}

/** @param {Painting} target @returns {Rect} */
export function whole(target) {
  return { x0: 0, y0: 0, x1: target.width, y1: target.height };
}
