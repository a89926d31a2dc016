// @ts-check
/**
 * What the page of runs knows, in one value, and how it changes.
 *
 * @typedef {object} Run  as `maskwright runs --json` tells of it
 * @property {string} name
 * @property {string} folder
 * @property {"new"|"training"|"stopped"|"ended"|"imported"|"damaged"} status
 * @property {string} trouble
 * @property {string} model
 * @property {number|null} seed
 * @property {string} data
 * @property {string} train_digest
 * @property {string} val_digest
 * @property {number} iteration
 * @property {number|null} iterations
 * @property {number|null} best_mdice
 * @property {number|null} best_iteration
 * @property {number|null} started
 * @property {number} seconds
 * @property {number|null} weights_bytes
 * @property {string[]} tags
 * @property {boolean} archived
 * @property {string} note
 * @property {boolean} [resumable] whether it can go on here; where that is not told, it may
 *
 * @typedef {"curves"|"recipes"|"photos"|"verdict"} Tab
 * @typedef {object} RunsApp
 * @property {Run[]} runs
 * @property {Record<string, string>} troubles by name, what a run's process said that could not go on
 * @property {string[]} resuming the runs whose process has begun and has not ended
 * @property {Record<string, number>} judged by name, when a run was last evaluated, 0 for never
 * @property {Map<string, number>} chosen the chosen runs in their order, each with the place of its colour
 * @property {Tab} tab
 * @property {boolean} loaded
 * @property {Map<string, ((detail?: any) => void)[]>} listeners
 */

import { element, tell } from "./app.js";
import { say } from "./sentences.js";

export const TABS = /** @type {Tab[]} */ (["curves", "recipes", "photos", "verdict"]);
/** @type {{folder: string, chosen: string[], series: string[], most: number}} */
export const FACTS = JSON.parse(element("facts").textContent);
const DASHES = ["solid", "dash", "dot"];

/** What the address says was chosen, else what the command did. @returns {RunsApp} */
export function newApp() {
  const told = new URLSearchParams(location.hash.slice(1));
  const names = told.has("run") ? told.getAll("run") : FACTS.chosen, tab = /** @type {Tab} */ (told.get("tab"));
  const app = { runs: [], troubles: {}, resuming: [], judged: {}, chosen: new Map(), tab: TABS.includes(tab) ? tab : TABS[0], loaded: false, listeners: new Map() };
  const places = told.getAll("at").map(Number), sound = new Set(places.filter((place) => place >= 0 && place < FACTS.most && place % 1 === 0));
  names.slice(0, FACTS.most).forEach((name, place) => app.chosen.set(name, sound.size === names.length ? places[place] : place));
  return app;
}

/** @param {RunsApp} app @param {string} name */
export function runOf(app, name) {
  return app.runs.find((run) => run.name === name);
}

/** The chosen runs that are there. @param {RunsApp} app @returns {Run[]} */
export function chosenRuns(app) {
  return [...app.chosen.keys()].flatMap((name) => runOf(app, name) ?? []);
}

/** What changes when a run answers differently, or was judged anew. @param {RunsApp} app @param {Run} run */
export function versionOf(app, run) {
  return JSON.stringify([run.name, run.status, run.started, run.best_iteration, app.judged[run.name]]);
}

/** Choose a run, or leave it out. @param {RunsApp} app @param {string} name */
export function toggle(app, name) {
  if (app.chosen.has(name)) app.chosen.delete(name);
  else if (app.chosen.size >= FACTS.most) return tell(app, "toast", say("most", { n: FACTS.most }));
  else {
    const taken = new Set(app.chosen.values());
    app.chosen.set(name, [...Array(FACTS.most).keys()].find((place) => !taken.has(place)) ?? 0);
  }
  remember(app);
  tell(app, "chosen");
}

/** Choose one run alone, or none. @param {RunsApp} app @param {string} [name] */
export function only(app, name) {
  app.chosen = new Map(name === undefined ? [] : [[name, 0]]);
  remember(app);
  tell(app, "chosen");
}

/** @param {RunsApp} app @param {Tab} tab */
export function showTab(app, tab) {
  app.tab = tab;
  remember(app);
  tell(app, "tab");
}

/** Keep in the address what is looked at: it outlives a reload. @param {RunsApp} app */
function remember(app) {
  const places = [...app.chosen.values()], moved = places.some((place, at) => place !== at); // colours that their order does not tell
  const told = new URLSearchParams([...[...app.chosen.keys()].map((name) => ["run", name]),
    ...(moved ? places.map((place) => ["at", String(place)]) : []), ["tab", app.tab]]);
  history.replaceState(null, "", `${location.pathname}${location.search}#${app.chosen.size ? told : ""}`);
}

/** The colour of a chosen run. @param {RunsApp} app @param {string} name */
export function colourOf(app, name) {
  return FACTS.series[(app.chosen.get(name) ?? 0) % FACTS.series.length];
}

/** How its line is drawn where colours come again. @param {RunsApp} app @param {string} name */
export function dashOf(app, name) {
  return DASHES[Math.floor((app.chosen.get(name) ?? 0) / FACTS.series.length) % DASHES.length];
}

/** What is read back from the browser's store. @template T @param {string} key @param {T} otherwise @returns {T} */
export function kept(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`maskwright-runs-${key}`) ?? "null") ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** @param {string} key @param {any} value */
export function keep(key, value) {
  localStorage.setItem(`maskwright-runs-${key}`, JSON.stringify(value));
}
