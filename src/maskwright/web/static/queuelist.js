// @ts-check
/**
 * The queue on the left: filters, and a list of which only the rows in view are in the page.
 *
 * @typedef {import("./app.js").App} App
 * @typedef {import("./server.js").QueueSample} QueueSample
 */

import { element, icon, make, on, tell } from "./app.js";
import { NO_FILTERS, passing, tally } from "./filters.js";
import { keySign } from "./keys.js";
import { goTo } from "./opening.js";
import { waitingFor } from "./outbox.js";
import { count, say } from "./sentences.js";
import { thumbnail } from "./server.js";

const ROW_PX = 52, SPARE = 4; // height of a row as in review.css; rows kept above and below the view
const PICTURES_REST_MS = 90; // while the list flies by no thumbnails are asked for

/** @type {import("./filters.js").Filters} */
let filters = { ...NO_FILTERS };
/** @type {Map<QueueSample, HTMLElement>} */
const rows = new Map();
let pictures = 0;
const FILTERS = ["check", "class", "split", "decision"];

/** @param {App} app */
export function mountQueue(app) {
  fillFilters(app);
  element("queue-notice").textContent = app.queue.notices.join(" ");
  element("queue-notice").hidden = !app.queue.notices.length;
  const list = element("queue-list");
  list.addEventListener("scroll", () => drawRows(app), { passive: true });
  new ResizeObserver(() => drawRows(app)).observe(list);
  element("search").addEventListener("input", () => refilter(app));
  for (const name of FILTERS) {
    const select = element(`filter-${name}`);
    select.title = `${say(`act_filter_${name}`)}  (${keySign(`filter_${name}`)})`;
    select.addEventListener("change", () => {
      // after the mouse the arrows are for photos again; keys go on choosing until Enter or Esc
      if (!select.matches(":focus-visible")) select.blur();
      refilter(app);
    });
  }
  element("clear-filters").addEventListener("click", () => clearFilters(app));
  on(app, ["at"], () => { showAt(app); drawRows(app, true); });
  on(app, ["rows", "saving"], () => { drawRows(app, true); showProgress(app); });
  refilter(app);
}

/** @param {App} app */
function fillFilters(app) {
  const { samples, classes, ignore } = app.queue;
  const names = new Map(classes.map((one) => [String(one.id), one.name])).set(String(ignore), say("ignore"));
  const none = samples.filter((one) => !one.checks.length).length;
  const checks = tally(samples.flatMap((one) => one.checks)).map(([check, n]) => [check, n, checkName(app, check)]);
  if (none) checks.push(["-", none, say("without_findings")]);
  options("filter-check", "any_check", checks);
  const used = tally(samples.flatMap((one) => one.class_ids.map(String)));
  options("filter-class", "any_class", used.map(([id, n]) => [id, n, names.get(id) ?? id]));
  options("filter-split", "any_split", tally(samples.map((one) => one.split)).map(([split, n]) => [split, n, split]));
  options("filter-decision", "any_decision", ["none", "keep", "exclude", "relabel", "painted"].map(
    (decision) => [decision, null, say(`decision_${decision}`)]));
}

/** @param {string} id @param {string} any @param {(string|number|null)[][]} choices value, count, name */
function options(id, any, choices) {
  element(id).replaceChildren(make("option", { value: "" }, say(any)), ...choices.map(([value, n, name]) => (
    make("option", { value: String(value) }, n === null ? String(name) : say("option", { name: String(name), n: Number(n) })))));
}

/** The short name of a check. @param {App} app @param {string} check */
export function checkName(app, check) {
  return app.queue.check_names[check] ?? check.replaceAll("_", " ");
}

/** Apply the filters. @param {App} app */
function refilter(app) {
  filters = {
    text: element("search").value, check: element("filter-check").value, classId: element("filter-class").value,
    split: element("filter-split").value, decision: element("filter-decision").value,
  };
  app.shown = passing(app.queue.samples, filters, app.painted);
  element("queue-space").style.height = `${app.shown.length * ROW_PX}px`;
  element("clear-filters").hidden = Object.values(filters).every((value) => !value);
  element("queue-empty").hidden = app.shown.length > 0;
  element("queue-list").hidden = app.shown.length === 0;
  showProgress(app);
  const still = app.at && app.shown.includes(app.at);
  drawRows(app, true);
  if (still) showAt(app);
  else if (app.shown.length) void goTo(app, app.shown.find((one) => one.decision === null) ?? app.shown[0]);
  tell(app, "queue");
}

/** @param {App} app */
export function clearFilters(app) {
  element("search").value = "";
  for (const name of FILTERS) element(`filter-${name}`).value = "";
  refilter(app);
}

/** @param {App} app */
function showProgress(app) {
  const decided = app.shown.filter((one) => one.decision !== null).length, all = app.shown.length;
  element("queue-count").textContent = count("queue_count", all, { decided, total: app.queue.samples.length });
  const whole = app.queue.samples, done = whole.filter((one) => one.decision !== null).length;
  element("progress-text").textContent = count("progress", whole.length, { done });
  element("progress-bar").style.transform = `scaleX(${whole.length ? done / whole.length : 0})`;
}

/** Scroll so that the sample in view stands in the list, with a row on either side. @param {App} app */
function showAt(app) {
  const list = element("queue-list"), place = app.at ? app.shown.indexOf(app.at) : -1;
  if (place < 0) return;
  const top = (place - 1) * ROW_PX, bottom = (place + 2) * ROW_PX;
  if (top < list.scrollTop) list.scrollTop = Math.max(0, top);
  else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
}

/** @param {App} app @param {boolean} [anew] rows that are there are made anew */
function drawRows(app, anew = false) {
  const list = element("queue-list"), space = element("queue-space");
  const first = Math.max(0, Math.floor(list.scrollTop / ROW_PX) - SPARE);
  const last = Math.min(app.shown.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW_PX) + SPARE);
  const wanted = new Set(app.shown.slice(first, last));
  for (const [sample, row] of rows) if (!wanted.has(sample)) { row.remove(); rows.delete(sample); }
  for (let place = first; place < last; place++) {
    const sample = app.shown[place];
    let row = rows.get(sample);
    if (row && !anew) continue;
    if (!row) rows.set(sample, (row = newRow(app, sample)));
    dressRow(app, row, sample, place);
    if (!row.isConnected) space.append(row);
  }
  list.setAttribute("aria-activedescendant", app.at ? rowId(app.at) : "");
  clearTimeout(pictures);
  pictures = window.setTimeout(showPictures, PICTURES_REST_MS);
}

/** @param {QueueSample} sample */
function rowId(sample) {
  return `row-${sample.index}`;
}

/** @param {App} app @param {QueueSample} sample */
function newRow(app, sample) {
  const picture = make("img", { alt: "", width: 40, height: 40, decoding: "async", "data-src": thumbnail(sample.index) });
  const row = make("div", { class: "row", role: "option", id: rowId(sample) }, picture, make("div", { class: "row-text" }));
  row.addEventListener("click", () => void goTo(app, sample));
  return row;
}

/** @param {App} app @param {HTMLElement} row @param {QueueSample} sample @param {number} place */
function dressRow(app, row, sample, place) {
  row.style.transform = `translateY(${place * ROW_PX}px)`;
  row.setAttribute("aria-selected", String(sample === app.at));
  row.setAttribute("aria-setsize", String(app.shown.length));
  row.setAttribute("aria-posinset", String(place + 1));
  const waiting = waitingFor(app.outbox, sample.id) !== null, painted = app.painted.has(sample.id);
  const state = painted ? "painted" : (sample.decision ?? "none");
  row.dataset.decision = state;
  row.dataset.waiting = String(waiting);
  const checks = sample.checks.length ? checkName(app, sample.checks[0]) : say("without_findings");
  const meter = make("i", { class: "meter", hidden: sample.severity === 0 });
  meter.style.setProperty("--share", String(sample.severity));
  const sign = make("span", { class: "sign", title: say(waiting ? "saving" : `decision_${state}`) });
  if (state !== "none") sign.append(icon(state));
  const name = sample.id.split("/").pop() ?? sample.id;
  row.lastElementChild?.replaceChildren(
    make("b", { title: sample.id }, name), make("small", {}, checks), meter);
  row.querySelector(".sign")?.remove();
  row.append(sign);
  row.setAttribute("aria-label", `${sample.id}, ${checks}, ${say(`decision_${state}`)}`);
}

/** Ask for the thumbnails of the rows in view. */
function showPictures() {
  for (const row of rows.values()) {
    const picture = row.querySelector("img");
    if (picture?.dataset.src) picture.src = picture.dataset.src;
    picture?.removeAttribute("data-src");
  }
}
