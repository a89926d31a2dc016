// @ts-check
/**
 * The columns of the table: what stands in them, and what they are sorted by.
 *
 * @typedef {import("./runs_state.js").Run} Run
 * @typedef {{best: Set<string>, troubles: Record<string, string>}} Told  of all runs
 * @typedef {(run: Run, told: Told) => (Node|string)} Cell
 * @typedef {{id: string, cell: Cell, key: (run: Run) => (string|number|null), number?: boolean, shown: boolean,
 *   falling?: boolean}} Column  `falling`: the first click sorts the largest first
 */

import { make } from "./app.js";
import { hundredths, LANG, say } from "./sentences.js";

const STATES = ["training", "new", "stopped", "ended", "imported", "damaged"];
const WHEN_BEFORE = new Intl.DateTimeFormat(LANG, { dateStyle: "medium", timeStyle: "short" });
const WHEN = new Intl.DateTimeFormat(LANG, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const WHEN_LONG = new Intl.DateTimeFormat(LANG, { dateStyle: "full", timeStyle: "medium" });
const NUMBER = new Intl.NumberFormat(LANG);
const DECIMAL = new Intl.NumberFormat(LANG, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const UNITS = /** @type {const} */ ({ hour: 3600, minute: 60, second: 1 });

/** @type {Column[]} */
export const COLUMNS = [
  { id: "status", cell: status, key: (run) => STATES.indexOf(run.status), shown: true },
  { id: "best_mdice", cell: score, key: (run) => run.best_mdice, number: true, shown: true, falling: true },
  { id: "iteration", cell: progress, key: (run) => run.iteration, number: true, shown: true, falling: true },
  { id: "model", cell: (run) => run.model, key: (run) => run.model, shown: true },
  { id: "data", cell: (run) => run.data, key: (run) => run.data, shown: true },
  { id: "started", cell: started, key: (run) => run.started, number: true, shown: true, falling: true },
  { id: "seconds", cell: (run) => duration(run.seconds), key: (run) => run.seconds || null, number: true, shown: true, falling: true },
  { id: "tags", cell: () => "", key: (run) => run.tags.join(" "), shown: true },
  { id: "note", cell: () => "", key: (run) => run.note, shown: false },
  { id: "best_iteration", cell: (run) => count(run.best_iteration), key: (run) => run.best_iteration, number: true, shown: false },
  { id: "seed", cell: (run) => count(run.seed), key: (run) => run.seed, number: true, shown: false },
  { id: "weights_bytes", cell: weights, key: (run) => run.weights_bytes, number: true, shown: false },
  { id: "train_digest", cell: (run) => digest(run.train_digest), key: (run) => run.train_digest, shown: false },
  { id: "val_digest", cell: (run) => digest(run.val_digest), key: (run) => run.val_digest, shown: false },
  { id: "folder", cell: (run) => run.folder, key: (run) => run.folder, shown: false },
];

/** Sorted by a column, the unknown last. @param {Run[]} runs @param {string} id @param {boolean} falling @returns {Run[]} */
export function sorted(runs, id, falling) {
  const key = id === "name" ? (/** @type {Run} */ run) => run.name : COLUMNS.find((column) => column.id === id)?.key ?? (() => null);
  const collator = new Intl.Collator(LANG, { numeric: true }), sign = falling ? -1 : 1;
  const unknown = (/** @type {any} */ value) => value === null || value === "";
  return runs.map((run) => ({ run, value: key(run) })).sort((one, other) => {
    if (unknown(one.value) || unknown(other.value)) return Number(unknown(one.value)) - Number(unknown(other.value));
    const order = typeof one.value === "number" ? one.value - Number(other.value)
      : collator.compare(String(one.value), String(other.value));
    return sign * order || collator.compare(one.run.name, other.run.name);
  }).map(({ run }) => run);
}

/** The best runs, each among those judged on the same photos; where one stands alone it is not the best of any. @param {Run[]} runs */
export function bestOf(runs) {
  /** @type {Map<string, Run[]>} */
  const groups = new Map();
  for (const run of runs) if (run.best_mdice !== null && run.val_digest) groups.set(run.val_digest, [...(groups.get(run.val_digest) ?? []), run]);
  return new Set([...groups.values()].filter((group) => group.length > 1).map((group) =>
    group.reduce((best, run) => (Number(run.best_mdice) > Number(best.best_mdice) ? run : best)).name));
}

/** Seconds as "1 h 20 min", "58 min", "12 s". @param {number} seconds */
export function duration(seconds) {
  if (!seconds) return "";
  const unit = (/** @type {number} */ value, /** @type {keyof UNITS} */ name) =>
    new Intl.NumberFormat(LANG, { style: "unit", unit: name, unitDisplay: "short" }).format(value);
  const minutes = Math.round(seconds / 60);
  if (seconds < 90) return unit(Math.round(seconds), "second");
  if (minutes < 60) return unit(minutes, "minute");
  return `${unit(Math.floor(minutes / 60), "hour")} ${minutes % 60 ? unit(minutes % 60, "minute") : ""}`.trim();
}

/** @param {Run} run @param {Told} told */
function status(run, told) {
  const state = make("span", { class: "state", "data-status": run.status }, make("i", { "aria-hidden": "true" }), say(`is_${run.status}`));
  if (!(run.name in told.troubles)) return state;
  return make("span", {}, state, make("span", { class: "failed", "data-tip": told.troubles[run.name] }, say("not_resumed")));
}

/** @param {Run} run @param {Told} told */
function score(run, told) {
  if (run.best_mdice === null) return "";
  const best = told.best.has(run.name), cell = make("span", { class: best ? "score best" : "score", title: best ? say("best_here") : undefined },
    make("b", {}, hundredths(run.best_mdice)), make("i", { class: "meter", "aria-hidden": "true" }));
  cell.style.setProperty("--share", String(run.best_mdice));
  return cell;
}

/** @param {Run} run */
function progress(run) {
  if (!run.iteration && !run.iterations) return "";
  if (run.status === "ended" || run.iterations === null) return count(run.iteration);
  const cell = make("span", { class: "score" }, say("of", { n: run.iteration, all: run.iterations }), make("i", { class: "meter", "aria-hidden": "true" }));
  cell.style.setProperty("--share", String(Math.min(1, run.iteration / run.iterations)));
  return cell;
}

/** @param {Run} run */
function started(run) {
  if (run.started === null) return "";
  const date = new Date(1000 * run.started), when = date.getFullYear() === new Date().getFullYear() ? WHEN : WHEN_BEFORE;
  return make("time", { datetime: date.toISOString(), title: WHEN_LONG.format(date) }, when.format(date));
}

/** @param {Run} run */
function weights(run) {
  return run.weights_bytes === null ? "" : say("mb", { n: DECIMAL.format(run.weights_bytes / 1e6) });
}

/** @param {string} text */
function digest(text) {
  return text ? make("code", { title: text }, text.slice(0, 8)) : "";
}

/** @param {number|null} value */
function count(value) {
  return value === null ? "" : NUMBER.format(value);
}
