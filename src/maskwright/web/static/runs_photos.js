// @ts-check
/**
 * The same photos across the chosen runs: a row for each photo, a column for each run.
 *
 * @typedef {import("./runs_state.js").RunsApp} RunsApp
 * @typedef {import("./runs_server.js").Photos} Photos
 * @typedef {"overlay"|"errors"|"photo"} View
 * @typedef {{photos: Photos, runs: string[], order: number[], view: View}} Sheet
 */

import { element, make, on } from "./app.js";
import { forget, label, photo, prediction, SMALL } from "./runs_pictures.js";
import { swatch } from "./runs_recipes.js";
import { askPhotos, worded } from "./runs_server.js";
import { chosenRuns, colourOf, versionOf } from "./runs_state.js";
import { fill } from "./runs_table.js";
import { openZoom, redrawZoom } from "./runs_zoom.js";
import { count, hundredths, LANG, say } from "./sentences.js";
import { classTints, difference, DIFFERENCES, differenceTints, drawTint } from "./tint.js";

const OPACITY = 0.5;
const SHARE = new Intl.NumberFormat(LANG, { style: "percent", maximumFractionDigits: 1 });
/** @type {Sheet|null} */
let sheet = null;
/** What is fetched for rows in view. @type {Map<Element, AbortController>} */
const inView = new Map();
const watcher = new IntersectionObserver(seen, { rootMargin: "240px" });
const scratch = document.createElement("canvas");
let asked = "", failed = false;
/** By name, what the pictures of a run were made with. @type {Map<string, string>} */
const versions = new Map();

/** @param {RunsApp} app */
export function mountPhotos(app) {
  on(app, ["table"], () => void show(app));
  const again = () => {
    if (failed) asked = "";
    void show(app);
  };
  on(app, ["chosen", "tab"], again);
  element("photo-split").addEventListener("change", again);
  element("photo-order").addEventListener("change", () => arrange(app));
  for (const input of document.querySelectorAll("input[name=view]")) {
    input.addEventListener("change", () => setView(/** @type {View} */ (/** @type {HTMLInputElement} */ (input).value)));
  }
  element("photo-rows").addEventListener("click", (/** @type {MouseEvent} */ event) => {
    const row = /** @type {Element} */ (event.target).closest(".photo-row");
    if (row instanceof HTMLElement && sheet) openZoom(sheet, Number(row.dataset.place));
  });
}

/** Show masks, errors or photos alone. @param {View} view */
export function setView(view) {
  const input = document.querySelector(`input[name=view][value=${view}]`);
  if (input instanceof HTMLInputElement) input.checked = true;
  if (!sheet) return;
  sheet.view = view;
  showKey();
  for (const [row, control] of inView) void fillRow(/** @type {HTMLElement} */ (row), control.signal);
  redrawZoom();
}

/** @param {RunsApp} app */
async function show(app) {
  const runs = chosenRuns(app), names = runs.map((run) => run.name), split = element("photo-split").value || "val";
  const wanted = [split, ...runs.map((run) => versionOf(app, run))].join("\n");
  if (app.tab !== "photos" || !names.length || asked === wanted) return;
  asked = wanted;
  failed = false;
  for (const run of runs) {
    if (versions.get(run.name) !== versionOf(app, run)) forget(run.name);
    versions.set(run.name, versionOf(app, run));
  }
  element("photo-notes").replaceChildren(make("p", { class: "calm busy" }, say("photos_loading")));
  try {
    const photos = await askPhotos(names, split);
    if (asked !== wanted) return;
    const view = /** @type {HTMLInputElement} */ (document.querySelector("input[name=view]:checked")).value;
    sheet = { photos, runs: names, order: [], view: /** @type {View} */ (view) };
    fill("photo-split", photos.splits.map((name) => [name, name]));
    element("photo-split").value = photos.split;
    showNotes(app, photos);
    arrange(app);
  } catch (error) {
    if (asked !== wanted) return;
    failed = true;
    sheet = null;
    clear();
    element("photo-head").replaceChildren();
    element("photo-notes").replaceChildren(make("p", { class: "refusal" }, worded(error)));
  }
}

/** @param {RunsApp} app @param {Photos} photos */
function showNotes(app, photos) {
  const folders = new Map(app.runs.map((run) => [run.name, run.folder]));
  const unjudged = Object.entries(photos.runs).filter(([, judged]) => judged.trouble)
    .map(([name]) => say("not_judged", { name, folder: folders.get(name) ?? name }));
  const others = photos.others.length ? [say("photos_others", { names: photos.others.join(", ") })] : [];
  const none = photos.ids.length ? [] : [say("photos_none")];
  element("photo-notes").replaceChildren(...[...none, ...unjudged, ...others].map((text) => make("p", { class: "remark" }, text)));
}

/** Put the rows in order. @param {RunsApp} app */
function arrange(app) {
  if (!sheet) return;
  const { photos, runs } = sheet, by = element("photo-order").value;
  const keys = photos.ids.map((_, at) => keyOf(photos, runs, by, at));
  sheet.order = photos.ids.map((_, at) => at).sort((one, other) => keys[other] - keys[one] || one - other);
  element("photo-count").textContent = count("photos_n", photos.ids.length);
  clear();
  const heads = [make("span", {}, say("photo")), make("span", {}, say("label")),
    ...runs.map((name) => make("span", { title: name }, swatch(colourOf(app, name)), name.slice(name.lastIndexOf("/") + 1)))];
  element("panel-photos").style.setProperty("--columns", String(runs.length + 2));
  element("photo-head").replaceChildren(...heads);
  const rows = sheet.order.map((at, place) => make("button", { type: "button", class: "photo-row", "data-place": place, "aria-label": photos.ids[at] }));
  element("photo-rows").replaceChildren(...rows);
  for (const row of rows) watcher.observe(row);
  showKey();
}

/** The greater, the earlier. @param {Photos} photos @param {string[]} runs @param {string} by @param {number} at */
function keyOf(photos, runs, by, at) {
  const scores = runs.flatMap((name) => photos.runs[name].scores?.[at] ?? []);
  if (by === "differ") return photos.differ?.[at] ?? -1;
  if (!scores.length || by === "given") return by === "given" ? 0 : -2;
  return by === "worst" ? -scores.reduce((sum, value) => sum + value, 0) / scores.length : Math.max(...scores) - Math.min(...scores);
}

function clear() {
  watcher.disconnect();
  for (const control of inView.values()) control.abort();
  inView.clear();
  element("photo-rows").replaceChildren();
}

/** Rows come into view, and go. @param {IntersectionObserverEntry[]} entries */
function seen(entries) {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting === inView.has(target)) continue;
    if (isIntersecting) {
      const control = new AbortController();
      inView.set(target, control);
      void fillRow(/** @type {HTMLElement} */ (target), control.signal);
    } else {
      inView.get(target)?.abort();
      inView.delete(target);
      target.replaceChildren();
    }
  }
}

/** @param {HTMLElement} row @param {AbortSignal} signal */
async function fillRow(row, signal) {
  if (!sheet) return;
  const shown = sheet, at = shown.order[Number(row.dataset.place)], cells = cellsOf(shown, at);
  if (!row.children.length) row.append(...cells.map((cell) => cell.element));
  await Promise.all(cells.map(async (cell, place) => {
    const element = row.children[place];
    if (!(element instanceof HTMLElement)) return;
    try {
      const drawn = await pictureOf(shown, at, cell.run, SMALL, signal);
      if (signal.aborted || shown !== sheet) return;
      const canvas = element.querySelector("canvas") ?? /** @type {Element} */ (element.firstElementChild).appendChild(document.createElement("canvas"));
      paint(canvas, drawn);
      element.querySelector(".waiting")?.remove();
    } catch (error) {
      const note = element.querySelector(".waiting");
      if (!signal.aborted && note) note.textContent = worded(error);
    }
  }));
}

/** @param {Sheet} shown @param {number} at */
function cellsOf(shown, at) {
  const { photos, runs } = shown, [height, width] = photos.sizes_hw[at];
  const scores = runs.map((name) => photos.runs[name].scores?.[at] ?? null), best = Math.max(...scores.map((score) => score ?? -1));
  return [undefined, null, ...runs].map((run, place) => {
    const score = place > 1 ? scores[place - 2] : null;
    const text = place === 0 ? photos.ids[at] : place === 1 ? (photos.differ ? say("differs", { share: SHARE.format(photos.differ[at] ?? 0) }) : "")
      : score === null ? "" : say("dice_of", { value: hundredths(score) });
    const note = make("span", { class: "waiting" }, place > 1 ? say("predicting") : ""), frame = make("span", { class: "frame" }, note);
    frame.style.aspectRatio = `${width} / ${height}`;
    const cell = make("span", { class: "cell" }, frame, make("span", { class: score !== null && score === best && runs.length > 1 ? "caption best" : "caption", title: text }, text));
    return { run, element: cell };
  });
}

/**
 * What stands in a column, as something to paint.
 *
 * @param {Sheet} shown
 * @param {number} at the photo
 * @param {string|null|undefined} run null for the label, undefined for the photo alone
 * @param {number|undefined} side
 * @param {AbortSignal} signal
 */
export async function pictureOf(shown, at, run, side, signal) {
  const { photos, view } = shown, of = shown.runs[0], sample = photos.ids[at], bitmap = photo(of, sample, side);
  if (run === undefined || view === "photo") return { bitmap: await bitmap, mask: null, tints: null };
  const mask = run === null ? label(of, sample, side) : prediction(run, of, sample, side, signal);
  if (view === "errors" && run !== null) {
    const truth = await label(of, sample, side), wrong = difference(truth, await mask).map((kind, place) => (truth[place] === photos.ignore ? 0 : kind));
    return { bitmap: await bitmap, mask: wrong, tints: differenceTints(OPACITY, false) };
  }
  return { bitmap: await bitmap, mask: await mask, tints: classTints(photos.classes, photos.ignore, OPACITY, false) };
}

/** @param {HTMLCanvasElement} canvas @param {{bitmap: ImageBitmap, mask: Uint8Array|null, tints: any}} drawn */
function paint(canvas, { bitmap, mask, tints }) {
  const { width, height } = bitmap, context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  Object.assign(canvas, { width, height });
  context.drawImage(bitmap, 0, 0);
  if (!mask) return;
  Object.assign(scratch, { width, height });
  const over = /** @type {CanvasRenderingContext2D} */ (scratch.getContext("2d", { willReadFrequently: true }));
  drawTint(over, mask, width, height, { scale: 1, x: 0, y: 0 }, 1, tints, { x0: 0, y0: 0, x1: width, y1: height });
  context.drawImage(scratch, 0, 0);
}

/** What the colours mean. */
function showKey() {
  if (!sheet) return;
  const classes = sheet.photos.classes.filter((one) => one.id > 0).map((one) => [one.name, one.rgb]);
  const kinds = [["key_added", 1], ["key_missed", 2], ["key_other", 3]].map(([key, kind]) => [say(String(key)), DIFFERENCES[/** @type {1} */ (kind)]]);
  const keys = sheet.view === "overlay" ? classes : sheet.view === "errors" ? kinds : [];
  element("photo-key").replaceChildren(...keys.map(([text, rgb]) => make("span", { class: "key" }, swatch(`rgb(${/** @type {number[]} */ (rgb).join(" ")})`), String(text))));
}
