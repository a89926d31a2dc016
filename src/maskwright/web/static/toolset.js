// @ts-check
/**
 * What the pointer does to the mask, one entry per tool.
 *
 * @typedef {import("./app.js").App} App
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {import("./geometry.js").Rect} Rect
 * @typedef {object} Touch
 * @property {Point} point in pixels of the photo
 * @property {boolean} other the right button, or shift: the tool's other way
 * @property {number} scale CSS pixels per pixel of the photo
 * @typedef {object} Tool
 * @property {boolean} [round] a brush of a size
 * @property {(app: App, touch: Touch) => void} [down]
 * @property {(app: App, touch: Touch) => void} [move] while a button is down
 * @property {(app: App, touch: Touch) => void} [up]
 */

import { tell, toast } from "./app.js";
import { cutOut, edit, finish, select } from "./editing.js";
import { around, clip, union } from "./geometry.js";
import { abandon, begin, paintRegion, paintSpan } from "./painting.js";
import { brushSpans, polygonSpans, snapped } from "./raster.js";
import { regionAt, surrounding } from "./regions.js";
import { say } from "./sentences.js";
import { askSuperpixels } from "./server.js";

const NEAR_PX = 9; // CSS pixels round the first corner of a polygon that close it
const BACKGROUND = 0;

/** @type {{corners: Point[], box: {from: Point, to: Point}|null, points: [number, number, number][], last: Point|null, id: number}} */
const work = { corners: [], box: null, points: [], last: null, id: 0 };

/** What the tool in use has so far. */
export function atWork() {
  return work;
}

/** @type {Record<string, Tool>} */
export const TOOLS = {
  look: {},
  brush: { round: true, down: strokeDown, move: strokeMove, up: (app) => finish(app, "brush") },
  eraser: { round: true, down: strokeDown, move: strokeMove, up: (app) => finish(app, "eraser") },
  polygon: { down: addCorner },
  lasso: { down: (_, { point }) => void (work.corners = [point]), move: lassoMove, up: lassoUp },
  flood: { down: flood },
  component: { down: component },
  superpixel: { down: superpixelDown, move: superpixelMove, up: (app) => finish(app, "superpixel") },
  grabcut: { down: (_, { point }) => void (work.box = { from: point, to: point }), move: boxMove, up: boxUp },
  points: { down: addPoint },
};

/** Leave what the tool has so far. @param {App} app @returns {boolean} whether there was anything */
export function cancelWork(app) {
  const painting = app.opened?.work.painting, rect = painting?.open ? abandon(painting) : null;
  const busy = Boolean(rect || work.corners.length || work.box || work.points.length);
  Object.assign(work, { corners: [], box: null, points: [] });
  if (rect) tell(app, "mask", { rect });
  tell(app, "marks");
  return busy;
}

/** A photo or tool later there is no line to continue. @param {App} app */
export function resetWork(app) {
  cancelWork(app);
  work.last = null;
}

/** @param {App} app @param {Touch} touch */
function strokeDown(app, { point, other }) {
  const opened = app.opened;
  if (!opened) return;
  const { size, classId, tool } = app.settings, at = snapped(point, size);
  begin(opened.work.painting);
  work.id = tool === "eraser" ? BACKGROUND : classId;
  strokeTo(app, other && work.last ? work.last : at, at);
}

/** @param {App} app @param {Touch} touch */
function strokeMove(app, { point }) {
  const at = snapped(point, app.settings.size);
  if (work.last && (at.x !== work.last.x || at.y !== work.last.y)) strokeTo(app, work.last, at);
}

/** @param {App} app @param {Point} from @param {Point} to */
function strokeTo(app, from, to) {
  const opened = app.opened, size = app.settings.size;
  work.last = to;
  if (!opened?.work.painting.open) return;
  const { painting } = opened.work;
  brushSpans(from, to, size, painting.width, painting.height, (y, x0, x1) => paintSpan(painting, y, x0, x1, work.id));
  const rect = clip(around([from, to], size / 2 + 1), painting.width, painting.height);
  if (rect) tell(app, "mask", { rect });
}

/** @param {App} app @param {Touch} touch */
function addCorner(app, { point, scale }) {
  const first = work.corners[0], last = work.corners[work.corners.length - 1];
  const near = (/** @type {Point} */ other) => Math.hypot(other.x - point.x, other.y - point.y) * scale < NEAR_PX;
  if (work.corners.length > 2 && (near(first) || near(last))) return closePolygon(app);
  if (!last || !near(last)) work.corners.push(point);
  tell(app, "marks");
}

/** Fill the polygon with the chosen class. @param {App} app @returns {boolean} whether there was a polygon */
export function closePolygon(app) {
  if (app.settings.tool !== "polygon" || work.corners.length < 3) return false;
  const corners = work.corners;
  work.corners = [];
  edit(app, "polygon", ({ work: { painting } }) => {
    const { width, height } = painting, id = app.settings.classId;
    polygonSpans(corners, width, height, (y, x0, x1) => paintSpan(painting, y, x0, x1, id));
  });
  tell(app, "marks");
  return true;
}

/** Take the last corner back. @param {App} app */
export function cornerBack(app) {
  work.corners.pop();
  work.points.pop();
  tell(app, "marks");
}

/** @param {App} app @param {Touch} touch */
function lassoMove(app, { point }) {
  work.corners.push(point);
  tell(app, "marks");
}

/** @param {App} app */
function lassoUp(app) {
  const outline = work.corners, opened = app.opened;
  work.corners = [];
  if (!opened || outline.length < 3) return select(app, null);
  const { width, height, mask } = opened.work.painting, inside = new Uint8Array(mask.length);
  let count = 0, rect = /** @type {Rect|null} */ (null);
  polygonSpans(outline, width, height, (y, x0, x1) => {
    inside.fill(1, y * width + x0, y * width + x1);
    count += x1 - x0;
    rect = union(rect, { x0, y0: y, x1, y1: y + 1 });
  });
  select(app, rect && { inside, rect, count, outline });
}

/** @param {App} app @param {Touch} touch @returns {{x: number, y: number}|null} the pixel, or null outside of the photo */
function pixel(app, { point }) {
  const x = Math.floor(point.x), y = Math.floor(point.y), painting = app.opened?.work.painting;
  return painting && x >= 0 && y >= 0 && x < painting.width && y < painting.height ? { x, y } : null;
}

/** @param {App} app @param {Touch} touch */
function flood(app, touch) {
  const at = pixel(app, touch);
  if (!at) return;
  edit(app, "flood", ({ work: { painting, selection } }) => {
    const region = regionAt(painting.mask, painting.width, painting.height, at.x, at.y, 4, selection?.inside ?? null);
    paintRegion(painting, region, touch.other ? BACKGROUND : app.settings.classId);
  });
}

/** The chosen class for all of a component; the other way round it becomes what surrounds it. @param {App} app @param {Touch} touch */
function component(app, touch) {
  const at = pixel(app, touch);
  if (!at) return;
  edit(app, "component", ({ work: { painting } }) => {
    const { mask, width, height } = painting, region = regionAt(mask, width, height, at.x, at.y, 8);
    const same = mask[at.y * width + at.x] === app.settings.classId;
    paintRegion(painting, region, touch.other || same ? surrounding(mask, width, height, region) : app.settings.classId);
  });
}

/** The class under a point becomes the chosen one. @param {App} app @param {Point} point */
export function pick(app, point) {
  const at = pixel(app, { point, other: false, scale: 1 }), painting = app.opened?.work.painting;
  if (!at || !painting) return;
  app.settings.classId = painting.mask[at.y * painting.width + at.x];
  tell(app, "settings");
}

/** @type {{ids: Uint16Array, rects: (Rect|undefined)[]}|null} */
let superpixels = null;

/** @param {App} app @param {Touch} touch */
async function superpixelDown(app, touch) {
  const opened = app.opened;
  if (!opened) return;
  work.id = touch.other ? BACKGROUND : app.settings.classId;
  begin(opened.work.painting);
  if (!opened.superpixels) toast(app, say("working"));
  opened.superpixels ??= askSuperpixels(opened.row.index);
  try {
    const ids = await opened.superpixels;
    if (app.opened?.row !== opened.row) return;
    if (superpixels?.ids !== ids) superpixels = { ids, rects: boxes(ids, opened.work.painting.width) };
    superpixelMove(app, touch, true);
  } catch {
    opened.superpixels = null;
    toast(app, say("no_answer"));
  }
}

/** Where each superpixel lies. @param {Uint16Array} ids @param {number} width */
function boxes(ids, width) {
  /** @type {(Rect|undefined)[]} */
  const rects = [];
  for (let at = 0, x = 0, y = 0; at < ids.length; at++) {
    const box = rects[ids[at]];
    if (!box) rects[ids[at]] = { x0: x, y0: y, x1: x + 1, y1: y + 1 };
    else {
      if (x < box.x0) box.x0 = x;
      if (x >= box.x1) box.x1 = x + 1;
      box.y1 = y + 1;
    }
    if (++x === width) x = 0, y++;
  }
  return rects;
}

/** @param {App} app @param {Touch} touch @param {boolean} [late] the button may be up again: an edit of its own */
function superpixelMove(app, touch, late = false) {
  const at = pixel(app, touch), painting = app.opened?.work.painting;
  if (!at || !painting || !superpixels) return;
  const alone = late && !painting.open;
  if (alone) begin(painting);
  if (!painting.open) return;
  const id = superpixels.ids[at.y * painting.width + at.x], box = /** @type {Rect} */ (superpixels.rects[id]);
  for (let y = box.y0; y < box.y1; y++) {
    for (let x = box.x0; x < box.x1; x++) {
      if (superpixels.ids[y * painting.width + x] === id) paintSpan(painting, y, x, x + 1, work.id);
    }
  }
  if (alone) finish(app, "superpixel");
  else tell(app, "mask", { rect: box });
}

/** @param {App} app @param {Touch} touch */
function boxMove(app, { point }) {
  if (work.box) work.box = { from: work.box.from, to: point };
  tell(app, "marks");
}

/** @param {App} app */
function boxUp(app) {
  const { box } = work, painting = app.opened?.work.painting;
  work.box = null;
  tell(app, "marks");
  const rect = box && painting && clip(around([box.from, box.to]), painting.width, painting.height);
  if (rect && rect.x1 - rect.x0 > 3 && rect.y1 - rect.y0 > 3) void cutOut(app, "grabcut", { box: rect });
}

/** @param {App} app @param {Touch} touch */
function addPoint(app, touch) {
  const at = pixel(app, touch);
  if (!at) return;
  work.points.push([at.x, at.y, touch.other ? 0 : 1]);
  tell(app, "marks");
  void cutOut(app, "sam", { points: work.points });
}

