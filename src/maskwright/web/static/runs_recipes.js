// @ts-check
/**
 * In what the recipes of the chosen runs differ; of one run, every setting with its reason.
 *
 * @typedef {import("./runs_state.js").RunsApp} RunsApp
 * @typedef {import("./runs_server.js").Setting} Setting
 */

import { element, make, on } from "./app.js";
import { askRecipes, worded as reason } from "./runs_server.js";
import { chosenRuns, colourOf } from "./runs_state.js";
import { count, say } from "./sentences.js";

const LONG = 40; // letters of a value from which on its end may be cut off

/** @param {RunsApp} app */
export function mountRecipes(app) {
  on(app, ["chosen", "tab"], () => void show(app));
}

/** @param {RunsApp} app */
async function show(app) {
  const names = chosenRuns(app).map((run) => run.name), panel = element("panel-recipes"), asked = names.join("\n");
  if (app.tab !== "recipes" || !names.length || panel.dataset.asked === asked) return;
  panel.dataset.asked = asked;
  try {
    const { settings } = await askRecipes(names);
    if (panel.dataset.asked === asked) panel.replaceChildren(...(names.length === 1 ? allOf(settings) : differing(app, names, settings)));
  } catch (error) {
    panel.dataset.asked = "";
    panel.replaceChildren(make("p", { class: "refusal" }, reason(error)));
  }
}

/** @param {Setting[]} settings */
function allOf(settings) {
  const rows = settings.map((each) => make("tr", {}, head(each), make("td", { class: "value" }, worded(each.values[0])), make("td", { class: "calm" }, each.reasons[0])));
  return [make("p", { class: "calm lead" }, say("recipes_one")), make("div", { class: "wide" }, make("table", { class: "facts" },
    make("thead", {}, make("tr", {}, ...["setting", "value", "why"].map((key) => make("th", { scope: "col" }, say(key))))), make("tbody", {}, ...rows)))];
}

/** @param {RunsApp} app @param {string[]} names @param {Setting[]} settings */
function differing(app, names, settings) {
  const other = settings.filter((each) => !each.apart), apart = settings.filter((each) => each.apart);
  const lead = make("p", { class: "lead" }, other.length ? count("recipes_differ", other.length) : say("recipes_same"));
  if (!settings.length) return [lead];
  const columns = names.map((name) => make("th", { scope: "col" }, swatch(colourOf(app, name)), name));
  const rows = [...other, ...apart].map((each) => make("tr", { class: each.apart ? "apart" : undefined }, head(each),
    ...each.values.map((value, place) => make("td", {
      class: JSON.stringify(value) === JSON.stringify(each.values[0]) ? "value" : "value changed",
      "data-tip": [...(worded(value).length > LONG ? [worded(value)] : []), each.reasons[place]].join("\n"), tabindex: 0,
    }, worded(value)))));
  return [lead, make("div", { class: "wide" }, make("table", { class: "facts" },
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, say("setting")), ...columns)), make("tbody", {}, ...rows)))];
}

/** @param {Setting} each */
function head(each) {
  return make("th", { scope: "row", "data-tip": each.help + (each.unit ? ` [${each.unit}]` : ""), tabindex: 0 }, make("code", {}, each.name),
    ...(each.apart ? [make("small", {}, say("recipes_apart"))] : []));
}

/** @param {any} value */
function worded(value) {
  if (Array.isArray(value)) return value.map(worded).join(", ") || "–";
  return value === null || value === "" ? "–" : String(value);
}

/** @param {string} colour */
export function swatch(colour) {
  const made = make("i", { class: "swatch", "aria-hidden": "true" });
  made.style.background = colour;
  return made;
}
