// @ts-check
/**
 * Whether the chosen runs differ by more than chance: the sentences first, then the numbers.
 *
 * @typedef {import("./runs_state.js").RunsApp} RunsApp
 */

import { element, make, on } from "./app.js";
import { address, askVerdict, worded } from "./runs_server.js";
import { swatch } from "./runs_recipes.js";
import { chosenRuns, colourOf, versionOf } from "./runs_state.js";
import { hundredths, LANG, say } from "./sentences.js";

/** @type {AbortController|null} */
let asking = null;
let failed = false;

/** @param {RunsApp} app */
export function mountVerdict(app) {
  on(app, ["table"], () => void show(app));
  on(app, ["chosen", "tab"], () => {
    if (failed) element("panel-verdict").dataset.asked = "";
    void show(app);
  });
}

/** @param {RunsApp} app */
async function show(app) {
  const runs = chosenRuns(app), names = runs.map((run) => run.name), panel = element("panel-verdict");
  const asked = runs.map((run) => versionOf(app, run)).join("\n");
  if (app.tab !== "verdict" || !names.length || panel.dataset.asked === asked) return;
  asking?.abort();
  panel.dataset.asked = asked;
  failed = false;
  if (names.length < 2) return panel.replaceChildren(make("p", { class: "calm lead" }, say("verdict_two")));
  const signal = (asking = new AbortController()).signal;
  panel.replaceChildren(make("p", { class: "calm lead busy" }, say("verdict_working")));
  try {
    const value = await askVerdict(names, signal);
    panel.replaceChildren(...told(app, names, value));
  } catch (error) {
    if (signal.aborted) return;
    failed = true;
    panel.replaceChildren(make("p", { class: "refusal" }, worded(error)));
  }
}

/** @param {RunsApp} app @param {string[]} names @param {any} value as `maskwright compare --json`, with its sentences */
function told(app, names, value) {
  const [first, ...rest] = value.verdicts, whole = make("a", { class: "whole", target: "_blank", rel: "noopener",
    href: address("compare", { run: names, lang: LANG }) }, say("verdict_whole"));
  return [
    make("p", { class: "verdict" }, first), ...[...rest, ...value.remarks].map((text) => make("p", { class: "calm further" }, text)),
    make("p", {}, whole), make("h3", {}, say("verdict_runs")), runsTable(app, names, value), make("h3", {}, say("verdict_pairs")), pairsTable(value)];
}

/** @param {RunsApp} app @param {string[]} names @param {any} value */
function runsTable(app, names, value) {
  const number = (/** @type {number|null} */ share) => make("td", { class: "number" }, share === null ? "–" : hundredths(share));
  const rows = value.runs.map((/** @type {any} */ run, /** @type {number} */ place) => make("tr", {},
    make("th", { scope: "row" }, swatch(colourOf(app, names[place])), names[place]), make("td", {}, run.recipe), number(run.metrics.mDice),
    number(run.metrics.mIoU), ...run.per_class.map((/** @type {any} */ each) => number(each.dice)),
    make("td", { class: "number" }, run.latency_ms === null ? "–" : new Intl.NumberFormat(LANG, { maximumFractionDigits: 0 }).format(run.latency_ms))));
  return table([say("col_name"), say("recipe"), "mDice %", "mIoU %", ...value.classes.map((/** @type {string} */ name) => `${name} %`), say("latency")], rows, 2);
}

/** @param {any} value */
function pairsTable(value) {
  const rows = value.rows.map((/** @type {string[]} */ cells) => make("tr", {}, ...cells.map((cell, place) =>
    make(place ? "td" : "th", { scope: place ? undefined : "row", class: place && place < 4 ? "number" : undefined }, cell))));
  return table(["pair", "difference", "interval", "p", "verdict"].map((key) => say(key)), rows, 1, 4);
}

/** @param {string[]} head @param {HTMLElement[]} rows @param {number} from the first column of numbers @param {number} [to] */
function table(head, rows, from, to = head.length) {
  const cells = head.map((text, place) => make("th", { scope: "col", class: place >= from && place < to ? "number" : undefined }, text));
  return make("div", { class: "wide" }, make("table", { class: "facts" }, make("thead", {}, make("tr", {}, ...cells)), make("tbody", {}, ...rows)));
}
