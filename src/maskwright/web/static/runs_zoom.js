// @ts-check
/**
 * One photo large, in all columns at once: zoomed and moved together.
 *
 * @typedef {import("./runs_photos.js").Sheet} Sheet
 * @typedef {import("./pane.js").Pane} Pane
 * @typedef {{element: HTMLElement, pane: Pane, run: string|null|undefined, drawn: any}} Column
 */

import { element, make } from "./app.js";
import { clear, drawGrid, drawMask, drawPhoto, measure, newPane } from "./pane.js";
import { pictureOf, setView } from "./runs_photos.js";
import { worded } from "./runs_server.js";
import { hundredths, say } from "./sentences.js";
import { fitting, panned, zoomed } from "./viewport.js";

const NEARER = 1.0015; // for each pixel that the wheel turns
/** @type {{sheet: Sheet, place: number, columns: Column[], view: import("./viewport.js").Viewport|null, control: AbortController}|null} */
let open = null;
/** @type {{x: number, y: number}|null} */
let held = null;

export function mountZoom() {
  const dialog = element("zoom"), panes = element("zoom-panes");
  for (const button of dialog.querySelectorAll("[data-step]")) button.addEventListener("click", () => go(Number(button.dataset.step)));
  dialog.addEventListener("keydown", keyDown);
  dialog.addEventListener("close", () => { open?.control.abort(); open = null; });
  panes.addEventListener("wheel", wheel, { passive: false });
  panes.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    held = { x: event.clientX, y: event.clientY };
    panes.setPointerCapture(event.pointerId);
  });
  panes.addEventListener("pointermove", drag);
  for (const over of ["pointerup", "pointercancel"]) panes.addEventListener(over, () => { held = null; });
  new ResizeObserver(() => { if (open) { open.view = null; render(); } }).observe(panes);
}

/** @param {Sheet} sheet @param {number} place among the rows */
export function openZoom(sheet, place) {
  open?.control.abort();
  const columns = [undefined, null, ...sheet.runs].map((run) => {
    const made = make("div", { class: "zoom-pane" }, make("p", { class: "zoom-name" }));
    return { element: made, pane: newPane(made), run, drawn: null };
  });
  open = { sheet, place, columns, view: null, control: new AbortController() };
  element("zoom-panes").replaceChildren(...columns.map((column) => column.element));
  if (!element("zoom").open) element("zoom").showModal();
  go(0);
}

/** Draw anew, as in another view. */
export function redrawZoom() {
  if (open) void load(false);
}

/** @param {number} by */
function go(by) {
  if (!open) return;
  const { order, photos } = open.sheet;
  open.place = (open.place + by + order.length) % order.length;
  element("zoom-title").textContent = photos.ids[order[open.place]];
  element("zoom-place").textContent = say("of", { n: open.place + 1, all: order.length });
  open.view = null;
  void load(true);
}

/** @param {boolean} anew another photo */
async function load(anew) {
  if (!open) return;
  open.control.abort();
  const control = (open.control = new AbortController()), mine = open, at = open.sheet.order[open.place];
  await Promise.all(mine.columns.map(async (column) => {
    if (anew) column.drawn = null;
    name(column, at, column.drawn ? "" : say("predicting"));
    try {
      const drawn = await pictureOf(mine.sheet, at, column.run, undefined, control.signal);
      if (control.signal.aborted) return;
      column.drawn = drawn;
      name(column, at, "");
    } catch (error) {
      if (!control.signal.aborted) name(column, at, worded(error));
    }
    render();
  }));
}

/** @param {Column} column @param {number} at @param {string} note */
function name(column, at, note) {
  const { photos } = /** @type {NonNullable<typeof open>} */ (open).sheet, { run } = column;
  const score = run ? photos.runs[run].scores?.[at] ?? null : null;
  const told = run === undefined ? say("photo") : run === null ? say("label") : run;
  const dice = score === null ? [] : [make("b", {}, say("dice_of", { value: hundredths(score) }))];
  column.element.querySelector(".zoom-name")?.replaceChildren(make("span", {}, told), ...dice, make("small", {}, run || note !== say("predicting") ? note : ""));
}

function render() {
  const first = open?.columns.find((column) => column.drawn);
  if (!open || !first) return;
  const size = first.drawn.bitmap;
  arrange(size);
  for (const column of open.columns) measure(column.pane);
  open.view ??= fitting(size, first.pane);
  for (const { pane, drawn } of open.columns) {
    for (const layer of [pane.photo, pane.tint, pane.marks]) clear(layer);
    if (!drawn) continue;
    drawPhoto(pane, drawn.bitmap, open.view);
    if (drawn.mask) drawMask(pane, { mask: drawn.mask, width: size.width, height: size.height }, open.view, drawn.tints);
    drawGrid(pane, size, open.view);
  }
}

/** As many columns as make the pictures largest. @param {{width: number, height: number}} size */
function arrange(size) {
  const place = element("zoom-panes"), n = open?.columns.length ?? 1;
  const fit = Array.from({ length: n }, (_, at) => at + 1).map((columns) => {
    const rows = Math.ceil(n / columns), free = columns * rows - n;
    return { columns, scale: Math.min(place.clientWidth / columns / size.width, place.clientHeight / rows / size.height), free };
  });
  const best = fit.reduce((one, other) => (other.scale > 1.02 * one.scale || (other.scale > 0.98 * one.scale && other.free < one.free) ? other : one));
  place.style.gridTemplateColumns = `repeat(${best.columns}, minmax(0, 1fr))`;
}

/** @param {WheelEvent} event */
function wheel(event) {
  const column = columnAt(event);
  if (!open?.view || !column?.drawn) return;
  event.preventDefault();
  const box = column.element.getBoundingClientRect(), at = { x: event.clientX - box.left, y: event.clientY - box.top };
  open.view = zoomed(open.view, NEARER ** -event.deltaY, at, column.drawn.bitmap, column.pane);
  render();
}

/** @param {PointerEvent} event */
function drag(event) {
  const column = open?.columns.find((each) => each.drawn);
  if (!held || !open?.view || !column) return;
  open.view = panned(open.view, event.clientX - held.x, event.clientY - held.y, column.drawn.bitmap, column.pane);
  held = { x: event.clientX, y: event.clientY };
  render();
}

/** @param {MouseEvent} event */
function columnAt(event) {
  return open?.columns.find((column) => column.element.contains(/** @type {Node} */ (event.target)));
}

/** @param {KeyboardEvent} event */
function keyDown(event) {
  event.stopPropagation();
  const does = {
    ArrowLeft: () => go(-1), ArrowRight: () => go(1), Digit1: () => setView("overlay"), Digit2: () => setView("errors"), Digit3: () => setView("photo"),
    KeyF: () => { if (open) { open.view = null; render(); } },
  }[event.code];
  if (!does) return;
  event.preventDefault();
  does();
}
