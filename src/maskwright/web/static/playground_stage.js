// @ts-check
/**
 * The photo with masks or probabilities on it: zoomed, moved, and with a divider between two answers.
 *
 * @typedef {import("./playground_state.js").Play} Play
 * @typedef {import("./pane.js").Pane} Pane
 * @typedef {import("./viewport.js").Viewport} Viewport
 */

import { element, on } from "./app.js";
import { clear, drawGrid, drawMask, drawPhoto, measure, newPane } from "./pane.js";
import { comparing, rightModel } from "./playground_state.js";
import { LANG, say } from "./sentences.js";
import { classTints } from "./tint.js";
import { fitting, panned, toPhoto, zoomed } from "./viewport.js";

const STEP = 1.3, MOVE_PX = 60, IGNORE = 255;
const PERCENT = new Intl.NumberFormat(LANG, { maximumFractionDigits: 0 });
/** From improbable to probable: dark blue over teal to yellow; told apart in grey, too. */
const HEAT = [[24, 18, 74], [38, 70, 130], [28, 126, 140], [66, 178, 118], [164, 212, 66], [250, 232, 50]];

/** @type {{a: Pane, b: Pane, view: Viewport, split: number, due: boolean, heats: WeakMap<object, HTMLCanvasElement>}} */
const stage = /** @type {any} */ ({ view: { scale: 1, x: 0, y: 0 }, split: 0.5, due: false, heats: new WeakMap() });

/** @param {Play} play */
export function mountStage(play) {
  stage.a = newPane(element("pane-a"));
  stage.b = newPane(element("pane-b"));
  on(/** @type {any} */ (play), /** @type {any} */ (["photo"]), () => fit(play));
  on(/** @type {any} */ (play), /** @type {any} */ (["mask", "probs", "opacity", "compare"]), () => draw(play));
  new ResizeObserver(() => fit(play)).observe(element("view"));
  mountPointer(play);
  mountDivider(play);
  element("view").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => keyDown(play, event));
}

/** Show all of the photo. @param {Play} play */
export function fit(play) {
  for (const pane of [stage.a, stage.b]) measure(pane);
  const size = photoSize(play);
  if (size) stage.view = fitting(size, stage.a);
  draw(play);
}

/** Nearer or farther, about a point or the middle. @param {Play} play @param {number} by steps @param {{x: number, y: number}} [at] */
export function zoom(play, by, at = { x: stage.a.width / 2, y: stage.a.height / 2 }) {
  const size = photoSize(play);
  if (!size) return;
  stage.view = zoomed(stage.view, STEP ** by, at, size, stage.a);
  draw(play);
}

/** @param {Play} play @param {number} dx @param {number} dy in CSS pixels */
function move(play, dx, dy) {
  const size = photoSize(play);
  if (!size) return;
  stage.view = panned(stage.view, dx, dy, size, stage.a);
  draw(play);
}

/** The size that masks have, which the photo is stretched to. @param {Play} play */
function photoSize(play) {
  return play.maskA ?? play.photo?.bitmap ?? null;
}

/** Draw at the next frame. @param {Play} play */
function draw(play) {
  if (stage.due) return;
  stage.due = true;
  requestAnimationFrame(() => {
    stage.due = false;
    const both = comparing(play) && play.maskB !== null;
    element("pane-b").hidden = element("divider").hidden = element("label-a").hidden = element("label-b").hidden = !both;
    if (both && stage.b.width !== stage.a.width) measure(stage.b);
    element("legend").hidden = play.probsOf === null || !play.probsA;
    element("legend-name").textContent = play.a.classes[play.probsOf ?? 0].name;
    drawPane(play, stage.a, play.maskA, play.probsA, play.a.classes);
    if (both) drawPane(play, stage.b, play.maskB, play.probsB, rightModel(play).classes);
    placeDivider();
  });
}

/** @param {Play} play @param {Pane} pane @param {Play["maskA"]} answer @param {Play["probsA"]} probs @param {import("./tint.js").ClassInfo[]} classes */
function drawPane(play, pane, answer, probs, classes) {
  const { photo } = play;
  for (const context of [pane.photo, pane.tint, pane.marks]) clear(context);
  if (!photo?.bitmap) return;
  const size = answer ?? photo.bitmap, stretch = size.width / photo.bitmap.width;
  const view = { ...stage.view, scale: stage.view.scale * stretch, x: stage.view.x / stretch, y: stage.view.y / stretch };
  drawPhoto(pane, photo.bitmap, view);
  if (play.probsOf !== null && probs) drawHeat(pane, probs);
  else if (answer) drawMask(pane, answer, stage.view, classTints(classes, IGNORE, play.opacity, false));
  if (answer) drawGrid(pane, answer, stage.view);
}

/** @param {Pane} pane @param {NonNullable<Play["probsA"]>} probs */
function drawHeat(pane, probs) {
  const picture = stage.heats.get(probs) ?? heatOf(probs), zoom = stage.view.scale * pane.ratio, context = pane.marks;
  stage.heats.set(probs, picture);
  context.imageSmoothingEnabled = zoom < 1.5;
  context.globalAlpha = 0.76;
  context.setTransform(zoom, 0, 0, zoom, -stage.view.x * zoom, -stage.view.y * zoom);
  context.drawImage(picture, 0, 0);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalAlpha = 1;
}

/** @param {NonNullable<Play["probsA"]>} probs */
function heatOf({ plane, width, height }) {
  const canvas = document.createElement("canvas"), table = new Uint32Array(256);
  for (let at = 0; at < 256; at++) {
    const [red, green, blue] = heatAt(at / 255);
    table[at] = ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  }
  Object.assign(canvas, { width, height });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")), image = context.createImageData(width, height);
  const out = new Uint32Array(image.data.buffer);
  for (let at = 0; at < out.length; at++) out[at] = table[plane[at]];
  context.putImageData(image, 0, 0);
  return canvas;
}

/** The colour of a probability. @param {number} share in [0, 1] @returns {number[]} */
export function heatAt(share) {
  const place = share * (HEAT.length - 1), below = Math.min(HEAT.length - 2, Math.floor(place)), part = place - below;
  return HEAT[below].map((channel, at) => Math.round(channel + part * (HEAT[below + 1][at] - channel)));
}

/** @param {Play} play */
function mountPointer(play) {
  const view = element("view");
  /** @type {Map<number, {x: number, y: number}>} */
  const fingers = new Map();
  let apart = 0;
  const at = (/** @type {PointerEvent|WheelEvent} */ event) => {
    const box = view.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  view.addEventListener("wheel", (/** @type {WheelEvent} */ event) => {
    if (!play.photo) return;
    event.preventDefault();
    zoom(play, -Math.sign(event.deltaY) * Math.min(2, Math.abs(event.deltaY) / 60), at(event));
  }, { passive: false });
  view.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    if (!play.photo || event.button !== 0 || element("divider").contains(event.target)) return;
    view.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, at(event));
    apart = spread(fingers);
  });
  view.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    const before = fingers.get(event.pointerId), now = at(event);
    if (!before) return event.pointerType === "mouse" ? read(play, now) : undefined;
    fingers.set(event.pointerId, now);
    move(play, (now.x - before.x) / fingers.size, (now.y - before.y) / fingers.size);
    if (fingers.size !== 2) return undefined;
    const wide = spread(fingers), [one, other] = [...fingers.values()];
    if (apart && wide) zoom(play, Math.log(wide / apart) / Math.log(STEP), { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });
    apart = wide;
    return undefined;
  });
  for (const name of ["pointerup", "pointercancel"]) {
    view.addEventListener(name, (/** @type {PointerEvent} */ event) => {
      fingers.delete(event.pointerId);
      apart = spread(fingers);
    });
  }
  view.addEventListener("pointerleave", () => { element("readout").hidden = true; });
}

/** @param {Map<number, {x: number, y: number}>} fingers */
function spread(fingers) {
  const [one, other] = [...fingers.values()];
  return other ? Math.hypot(one.x - other.x, one.y - other.y) : 0;
}

/** Say what is under the pointer. @param {Play} play @param {{x: number, y: number}} at */
function read(play, at) {
  const right = !element("divider").hidden && at.x > stage.split * stage.a.width;
  const answer = right ? play.maskB : play.maskA, probs = right ? play.probsB : play.probsA, out = element("readout");
  const point = toPhoto(stage.view, at), x = Math.floor(point.x), y = Math.floor(point.y);
  const inside = answer && x >= 0 && y >= 0 && x < answer.width && y < answer.height;
  out.hidden = !inside;
  if (!answer || !inside) return;
  const classes = (right ? rightModel(play) : play.a).classes, place = y * answer.width + x;
  out.textContent = play.probsOf !== null && probs
    ? say("probs_at", { name: classes[play.probsOf]?.name ?? "", percent: PERCENT.format((100 * probs.plane[place]) / 255) })
    : classes[answer.mask[place]]?.name ?? "";
}

/** @param {Play} play */
function mountDivider(play) {
  const divider = element("divider");
  const to = (/** @type {number} */ split) => {
    stage.split = Math.min(1, Math.max(0, split));
    placeDivider();
  };
  divider.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    divider.setPointerCapture(event.pointerId);
    event.stopPropagation();
  });
  divider.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    const box = element("view").getBoundingClientRect();
    to((event.clientX - box.left) / box.width);
  });
  divider.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const by = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    to(stage.split + by);
  });
  void play;
}

function placeDivider() {
  const divider = element("divider"), percent = Math.round(100 * stage.split);
  divider.style.left = `${100 * stage.split}%`;
  divider.setAttribute("aria-valuenow", String(percent));
  element("pane-b").style.clipPath = `inset(0 0 0 ${100 * stage.split}%)`;
}

/** @param {Play} play @param {KeyboardEvent} event */
function keyDown(play, event) {
  if (!play.photo || event.ctrlKey || event.metaKey || event.altKey) return;
  /** @type {Record<string, () => void>} */
  const acts = {
    ArrowLeft: () => move(play, MOVE_PX, 0), ArrowRight: () => move(play, -MOVE_PX, 0), ArrowUp: () => move(play, 0, MOVE_PX),
    ArrowDown: () => move(play, 0, -MOVE_PX), "+": () => zoom(play, 1), "=": () => zoom(play, 1), "-": () => zoom(play, -1), 0: () => fit(play),
  };
  if (!acts[event.key]) return;
  event.preventDefault();
  acts[event.key]();
}
