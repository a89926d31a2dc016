// @ts-check
/**
 * The panes in the middle: the mask that is painted, alone or beside label, proposal and difference, with one zoom for
 * all; and the pointer on them.
 *
 * @typedef {import("./app.js").App} App
 * @typedef {import("./pane.js").Pane} Pane
 * @typedef {import("./viewport.js").Viewport} Viewport
 * @typedef {import("./geometry.js").Rect} Rect
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {object} Stage
 * @property {{label: Pane, mask: Pane, proposal: Pane, difference: Pane}} panes
 * @property {Viewport|null} view
 * @property {Point|null} pointer in pixels of the photo
 * @property {boolean} everything what is drawn next: all of it, or
 * @property {Rect|null} changed only this part of the masks
 * @property {number} frame
 */

import { element, on, tell } from "./app.js";
import { union } from "./geometry.js";
import { drawMarks } from "./marks.js";
import { clear, drawMask, drawPhoto, measure, newPane } from "./pane.js";
import { classTints, difference, differenceTints } from "./tint.js";
import { closeUp, fitting, panned, zoomed } from "./viewport.js";

/** @type {Stage} */
let stage;

/** Make the stage. @param {App} app @returns {Stage} */
export function newStage(app) {
  const panes = { label: pane("label"), mask: pane("mask"), proposal: pane("proposal"), difference: pane("difference") };
  stage = { panes, view: null, pointer: null, everything: false, changed: null, frame: 0 };
  let photo = app.opened?.photo;
  on(app, ["opened"], () => {
    const fresh = app.opened?.photo !== photo;
    photo = app.opened?.photo;
    if (fresh) stage.view = null;
    if (fresh && app.settings.compare) resized(app);
    else redraw(app);
  });
  on(app, ["mask"], (change) => (change?.rect ? redrawPart(app, change.rect) : redraw(app)));
  let compare = app.settings.compare;
  on(app, ["settings"], () => {
    if (compare !== app.settings.compare) {
      compare = app.settings.compare;
      element("panes").dataset.compare = String(compare);
      resized(app);
    }
    redraw(app);
  });
  on(app, ["proposal"], () => redraw(app));
  on(app, ["marks"], () => redrawPart(app, null));
  new ResizeObserver(() => resized(app)).observe(element("panes"));
  return stage;
}

/** @param {string} name */
function pane(name) {
  return newPane(element(`pane-${name}`));
}

/** Keep the middle in the middle when the panes change their size. @param {App} app */
function resized(app) {
  const { mask } = stage.panes, before = { width: mask.width, height: mask.height };
  arrange(app);
  for (const one of shownPanes(app)) measure(one);
  const view = stage.view;
  if (view && app.opened && before.width) {
    const fitted = fitting(app.opened.photo, before), wasFitting = Math.abs(fitted.scale - view.scale) < 1e-6;
    stage.view = wasFitting ? null : {
      scale: view.scale, x: view.x + (before.width - mask.width) / 2 / view.scale,
      y: view.y + (before.height - mask.height) / 2 / view.scale,
    };
  }
  stage.everything = true;
  render(app);
}

/** The four panes in as many columns as show the photo largest. @param {App} app */
function arrange(app) {
  const photo = app.opened?.photo, { clientWidth, clientHeight } = element("panes");
  if (!photo) return;
  const scales = [2, 4, 1].map((columns) => (
    { columns, scale: fitting(photo, { width: clientWidth / columns, height: (clientHeight * columns) / 4 }).scale }));
  const best = scales.reduce((a, b) => (b.scale > a.scale ? b : a));
  element("panes").style.setProperty("--columns", String(best.columns));
}

/** Draw everything with the next frame. @param {App} app */
export function redraw(app) {
  stage.everything = true;
  schedule(app);
}

/** Draw a changed part of the mask, and the marks, with the next frame. @param {App} app @param {Rect|null} rect */
export function redrawPart(app, rect) {
  stage.changed = union(stage.changed, rect);
  schedule(app);
}

/** @param {App} app */
function schedule(app) {
  if (!stage.frame) stage.frame = requestAnimationFrame(() => render(app));
}

/** @param {App} app */
function shownPanes(app) {
  return app.settings.compare ? Object.values(stage.panes) : [stage.panes.mask];
}

/** @param {App} app */
function render(app) {
  cancelAnimationFrame(stage.frame);
  const { everything, changed } = stage, opened = app.opened;
  Object.assign(stage, { frame: 0, everything: false, changed: null });
  if (!opened || !opened.photo.width) return;
  if (!stage.view) {
    stage.view = fitting(opened.photo, stage.panes.mask);
    tell(app, "view");
  }
  const view = stage.view, { width, height } = opened.photo;
  if (app.settings.compare) updateDifference(opened);
  for (const one of shownPanes(app)) {
    const mask = maskOf(app, one);
    if (everything) drawPhoto(one, opened.photo, view);
    if (everything && (!mask || app.settings.hidden)) clear(one.tint);
    else if (mask && !app.settings.hidden && (everything || changed)) {
      drawMask(one, { mask, width, height }, view, tintsOf(app, one), everything ? null : changed);
    }
    clear(one.marks);
    drawMarks(app, one, view, stage.pointer);
  }
}

/** @param {App} app @param {Pane} one */
function maskOf(app, one) {
  const { opened } = app;
  if (!opened) return null;
  if (one === stage.panes.label) return opened.label;
  if (one === stage.panes.proposal) return opened.proposal;
  return one === stage.panes.difference ? opened.difference : opened.work.painting.mask;
}

/** @param {App} app @param {Pane} one */
function tintsOf(app, one) {
  const { opacity, outline } = app.settings;
  if (one === stage.panes.difference) return differenceTints(opacity, outline);
  return classTints(app.queue.classes, app.queue.ignore, opacity, outline);
}

/** What the proposal would change in the dataset's label. @param {import("./app.js").Opened} opened */
function updateDifference(opened) {
  const { label, proposal } = opened;
  if (label && proposal) opened.difference ??= difference(label, proposal);
}

/** How large the photo is shown, in CSS pixels per pixel. */
export function zoom() {
  return stage.view?.scale ?? 1;
}

/** @returns {Point|null} where the pointer is, in pixels of the photo */
export function pointer() {
  return stage.pointer;
}

/** The pointer is somewhere else. @param {App} app @param {Point|null} point */
export function setPointer(app, point) {
  stage.pointer = point;
  redrawPart(app, null);
}

/** The view as it is. @returns {Viewport|null} */
export function viewport() {
  return stage.view;
}

/** @param {App} app @param {Viewport|null} view */
function look(app, view) {
  stage.view = view;
  redraw(app);
  tell(app, "view");
}

/** Nearer or farther. @param {App} app @param {number} factor @param {Point} [at] in CSS pixels of the pane; else its middle */
export function zoomBy(app, factor, at) {
  const pane = stage.panes.mask;
  if (!stage.view || !app.opened) return;
  look(app, zoomed(stage.view, factor, at ?? { x: pane.width / 2, y: pane.height / 2 }, app.opened.photo, pane));
}

/** One pixel of the photo is one CSS pixel. @param {App} app */
export function actualSize(app) {
  if (stage.view) zoomBy(app, 1 / stage.view.scale);
}

/** @param {App} app @param {number} dx in CSS pixels @param {number} dy */
export function panBy(app, dx, dy) {
  if (stage.view && app.opened) look(app, panned(stage.view, dx, dy, app.opened.photo, stage.panes.mask));
}

/** The whole photo. @param {App} app */
export function fit(app) {
  look(app, null);
}

/** A region of the photo, near. @param {App} app @param {Rect} rect */
export function lookAt(app, rect) {
  if (app.opened) look(app, closeUp(rect, app.opened.photo, stage.panes.mask));
}
