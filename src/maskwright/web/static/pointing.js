// @ts-check
/**
 * Mouse, pen and fingers on the panes: the tool in use, panning (middle button, space, two fingers), the wheel.
 *
 * @typedef {import("./app.js").App} App
 * @typedef {import("./geometry.js").Point} Point
 */

import { element, on, tell } from "./app.js";
import { panBy, setPointer, viewport, zoomBy } from "./stage.js";
import { TOOLS, cancelWork, closePolygon } from "./toolset.js";
import { toPhoto } from "./viewport.js";

const TAP_MS = 350; // a space bar held longer was meant for panning

/** @type {{mode: "tool"|"pan"|null, at: Point, fingers: Map<number, Point>, space: {since: number, used: boolean}|null}} */
const hand = { mode: null, at: { x: 0, y: 0 }, fingers: new Map(), space: null };

/** @param {App} app */
export function mountPointing(app) {
  const panes = element("panes");
  panes.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => down(app, event));
  panes.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => move(app, event));
  for (const name of ["pointerup", "pointercancel"]) {
    panes.addEventListener(name, (/** @type {PointerEvent} */ event) => up(app, event));
  }
  panes.addEventListener("pointerleave", () => hand.mode || setPointer(app, null));
  panes.addEventListener("contextmenu", (/** @type {Event} */ event) => event.preventDefault());
  panes.addEventListener("dblclick", () => closePolygon(app));
  panes.addEventListener("wheel", (/** @type {WheelEvent} */ event) => wheel(app, event), { passive: false });
  on(app, ["settings"], () => showCursor(app));
  showCursor(app);
}

/** Whether a stroke or a drag is under way. */
export function isBusy() {
  return hand.mode !== null;
}

/** @param {App} app */
function showCursor(app) {
  const panning = hand.space || hand.mode === "pan" || app.settings.tool === "look";
  element("panes").dataset.cursor = panning ? (hand.mode === "pan" ? "grabbing" : "grab") : "cross";
}

/** @param {PointerEvent|WheelEvent} event @returns {Point} in CSS pixels of the pane under it */
function place(event) {
  const pane = event.target instanceof Element ? event.target.closest(".pane") : null;
  const box = (pane ?? element("pane-mask")).getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

/** @param {PointerEvent} event @returns {import("./toolset.js").Touch|null} */
function touch(event) {
  const view = viewport();
  return view && { point: toPhoto(view, place(event)), other: event.shiftKey || event.button === 2 || Boolean(event.buttons & 2), scale: view.scale };
}

/** @param {App} app @param {PointerEvent} event */
function down(app, event) {
  const held = touch(event);
  if (!held || !app.opened || app.opened.row !== app.at) return;
  event.preventDefault();
  element("panes").focus({ preventScroll: true });
  /** @type {Element} */ (event.target).setPointerCapture(event.pointerId);
  if (event.pointerType === "touch" && second(app, event)) return;
  const pan = event.button === 1 || hand.space || app.settings.tool === "look";
  if (hand.space) hand.space.used = true;
  hand.mode = pan ? "pan" : "tool";
  hand.at = { x: event.clientX, y: event.clientY };
  setPointer(app, held.point);
  if (!pan) TOOLS[app.settings.tool].down?.(app, held);
  showCursor(app);
}

/** A second finger: what the first one began is left, both move the photo. @param {App} app @param {PointerEvent} event */
function second(app, event) {
  hand.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (hand.fingers.size < 2) return false;
  cancelWork(app);
  hand.mode = "pan";
  return true;
}

/** @param {App} app @param {PointerEvent} event */
function move(app, event) {
  const held = touch(event);
  if (!held) return;
  if (hand.fingers.size > 1 && hand.fingers.has(event.pointerId)) return pinch(app, event);
  setPointer(app, held.point);
  if (hand.mode === "pan") {
    panBy(app, event.clientX - hand.at.x, event.clientY - hand.at.y);
    hand.at = { x: event.clientX, y: event.clientY };
  } else if (hand.mode === "tool") {
    const steps = event.getCoalescedEvents?.() ?? [];
    for (const step of steps.length > 1 ? steps : [event]) {
      const each = step === event ? held : { ...held, point: coalesced(event, step) };
      TOOLS[app.settings.tool].move?.(app, each);
    }
  }
  tell(app, "view");
}

/** Steps between two events have no target of their own. @param {PointerEvent} event @param {PointerEvent} step */
function coalesced(event, step) {
  const at = place(event), view = /** @type {import("./viewport.js").Viewport} */ (viewport());
  return toPhoto(view, { x: at.x + step.clientX - event.clientX, y: at.y + step.clientY - event.clientY });
}

/** @param {App} app @param {PointerEvent} event */
function pinch(app, event) {
  const now = { x: event.clientX, y: event.clientY };
  const before = /** @type {Point} */ (hand.fingers.get(event.pointerId));
  const other = [...hand.fingers].find(([id]) => id !== event.pointerId)?.[1] ?? now;
  hand.fingers.set(event.pointerId, now);
  const box = element("pane-mask").getBoundingClientRect();
  const middle = { x: (now.x + other.x) / 2 - box.left, y: (now.y + other.y) / 2 - box.top };
  const apart = Math.hypot(now.x - other.x, now.y - other.y), was = Math.hypot(before.x - other.x, before.y - other.y);
  panBy(app, (now.x - before.x) / 2, (now.y - before.y) / 2);
  if (was > 4) zoomBy(app, apart / was, middle);
}

/** @param {App} app @param {PointerEvent} event */
function up(app, event) {
  hand.fingers.delete(event.pointerId);
  const held = touch(event), mode = hand.mode;
  hand.mode = null;
  if (held && mode === "tool") {
    if (event.type === "pointercancel") cancelWork(app);
    else TOOLS[app.settings.tool].up?.(app, held);
  }
  showCursor(app);
}

/** @param {App} app @param {WheelEvent} event */
function wheel(app, event) {
  event.preventDefault();
  const unit = event.deltaMode === 1 ? 33 : 1; // Firefox counts lines
  if (event.shiftKey) return panBy(app, -(event.deltaX + event.deltaY) * unit, 0);
  zoomBy(app, Math.exp(-event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.0018)), place(event));
  const view = viewport();
  if (view) setPointer(app, toPhoto(view, place(event)));
}

/** The space bar went down: with the pointer it pans. @param {App} app */
export function spaceDown(app) {
  hand.space ??= { since: performance.now(), used: false };
  showCursor(app);
}

/** The space bar went up. @param {App} app @returns {boolean} whether it was only tapped */
export function spaceUp(app) {
  const space = hand.space;
  hand.space = null;
  showCursor(app);
  return space !== null && !space.used && performance.now() - space.since < TAP_MS;
}

/** The window lost the keyboard: no key is held any more. @param {App} app */
export function letGo(app) {
  hand.space = null;
  showCursor(app);
}
