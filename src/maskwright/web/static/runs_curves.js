// @ts-check
/**
 * The curves of the chosen runs over each other, followed while runs train: only new bytes of a log are asked for.
 *
 * @typedef {import("./runs_state.js").RunsApp} RunsApp
 * @typedef {import("./runs_state.js").Run} Run
 * @typedef {import("./runs_server.js").LogPart} LogPart
 * @typedef {import("./runs_server.js").Columns} Columns
 * @typedef {{part: LogPart, reading: Promise<void>|null}} Curve  all parts of a log in one
 */

import { element, make, on } from "./app.js";
import { askLog, worded } from "./runs_server.js";
import { chosenRuns, colourOf, dashOf } from "./runs_state.js";
import { fill } from "./runs_table.js";
import { LANG, say } from "./sentences.js";

const CHARTS = /** @type {const} */ (["mDice", "loss", "per_class", "lr", "iteration_s"]);
const LIVE_MS = 2000;
const RAW = 3; // runs up to which the loss is also shown as it was logged
const SMOOTH = 40; // the smoothed loss is a mean over this part of the curve
const MARKERS = 40; // validations up to which each is a dot
const SEPARATORS = LANG === "ru" ? ", " : ".,";

/** @type {Map<string, Curve>} */
const curves = new Map();
/** @type {Promise<any>|null} */
let plotly = null;
let drawing = 0;

/** @param {RunsApp} app */
export function mountCurves(app) {
  on(app, ["chosen", "tab"], () => void follow(app));
  on(app, ["whole"], () => library().catch(() => null)); // nothing else is to be done just now
  on(app, ["table"], () => { element("live").hidden = !trains(app); });
  on(app, ["table"], () => { if (chosenRuns(app).some((run) => lags(run))) void follow(app); });
  for (const input of document.querySelectorAll("input[name=axis]")) input.addEventListener("change", () => void draw(app));
  element("curve-class").addEventListener("change", () => void draw(app));
  setInterval(() => {
    if (document.visibilityState === "visible" && trains(app)) void follow(app);
  }, LIVE_MS);
}

/** Whether a chosen run is trained. @param {RunsApp} app */
function trains(app) {
  return chosenRuns(app).some((run) => run.status === "training");
}

/** Whether the table knows of iterations that the curve lacks. @param {Run} run */
function lags(run) {
  const steps = curves.get(run.name)?.part.steps.iteration ?? [];
  return Number(steps[steps.length - 1] ?? 0) < run.iteration;
}

/** Ask for what is new in the logs of the chosen runs, and draw. @param {RunsApp} app */
async function follow(app) {
  if (app.tab !== "curves" || !app.chosen.size) return;
  const runs = chosenRuns(app), unread = runs.some((run) => !curves.has(run.name));
  if (unread) element("curves-note").textContent = say("curves_loading");
  const [ends] = await Promise.all([Promise.allSettled(runs.map((run) => read(run.name))), library()]);
  const refused = ends.flatMap((end, at) => (end.status === "rejected" ? [told(runs[at].name, worded(end.reason))] : []));
  await draw(app, refused.join(" "));
}

/** What is said of a run, with its name before it. @param {string} name @param {string} text */
function told(name, text) {
  return text.startsWith(name) ? text : `${name}: ${text}`;
}

/** @param {string} name */
function read(name) {
  const known = curves.get(name) ?? { part: nothing(), reading: null };
  curves.set(name, known);
  known.reading ??= askLog(name, known.part.next, known.part.mark).then((part) => {
    known.part = part.anew ? part : joined(known.part, part);
  }).finally(() => { known.reading = null; });
  return known.reading;
}

/** @returns {LogPart} */
function nothing() {
  return { next: 0, mark: "", anew: false, iterations: null, steps: {}, means: {}, validations: [] };
}

/** @param {LogPart} one @param {LogPart} other @returns {LogPart} */
function joined(one, other) {
  const together = (/** @type {Columns} */ before, /** @type {Columns} */ after) =>
    Object.fromEntries(Object.keys(after).map((name) => [name, [...(before[name] ?? []), ...after[name]]]));
  return {
    ...other, iterations: other.iterations ?? one.iterations, steps: together(one.steps, other.steps),
    means: together(one.means, other.means), validations: [...one.validations, ...other.validations],
  };
}

/** Plotly, once it is wanted: it is larger than all the rest. */
function library() {
  plotly ??= new Promise((resolve, reject) => {
    const script = make("script", { src: "/runs/plotly.js" });
    script.addEventListener("load", () => resolve(/** @type {any} */ (window).Plotly));
    script.addEventListener("error", () => reject(new Error("plotly.js")));
    document.head.append(script);
  });
  return plotly;
}

/** @param {RunsApp} app @param {string} [refused] whose logs could not be read, and why */
async function draw(app, refused = "") {
  const mine = ++drawing, Plotly = await library();
  if (mine !== drawing || app.tab !== "curves" || !app.chosen.size) return; // something newer is drawn
  const runs = chosenRuns(app), axis = /** @type {HTMLInputElement} */ (document.querySelector("input[name=axis]:checked")).value;
  const known = runs.filter((run) => curves.get(run.name)?.part.next);
  fillClasses(known);
  element("live").hidden = !trains(app);
  element("curves-note").textContent = refused || (known.length ? "" : say("curves_nothing"));
  const raw = known.length <= RAW;
  for (const chart of CHARTS) {
    const traces = known.flatMap((run) => tracesOf(app, chart, run, /** @type {LogPart} */ (curves.get(run.name)?.part), axis, raw));
    const place = element(`chart-${chart}`);
    place.closest("figure").hidden = !traces.length;
    if (traces.length) await Plotly.react(place, traces, layoutOf(chart, axis, place), { displayModeBar: false, responsive: true });
    scalable(place);
    place.dataset.drawn = String(traces.reduce((sum, trace) => sum + trace.x.length, 0));
  }
}

/** Let print scale a drawing that was laid out for the screen. @param {any} place */
function scalable(place) {
  if (!place._fullLayout) return;
  const { width, height } = place._fullLayout;
  place.style.setProperty("--ratio", `${width / height}`);
  for (const svg of place.querySelectorAll(".main-svg")) svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
}

/** @param {RunsApp} app @param {string} chart @param {Run} run @param {LogPart} part @param {string} axis @param {boolean} raw @returns {any[]} */
function tracesOf(app, chart, run, part, axis, raw) {
  const line = { color: colourOf(app, run.name), width: 2, dash: dashOf(app, run.name) };
  const told = { name: escaped(run.name), line, mode: "lines", connectgaps: true };
  const { steps, means, validations } = part;
  if (chart === "mDice" || chart === "per_class") {
    const cls = element("curve-class").value;
    const y = validations.map((each) => (chart === "mDice" ? each.metrics.mDice : each.dice[cls]) ?? null);
    if (!y.some((value) => value !== null)) return [];
    const x = across(validations.map((each) => each.iteration), validations.map((each) => each.seconds), axis);
    const lines = { ...told, x, y, mode: y.length <= MARKERS ? "lines+markers" : "lines", marker: { size: 5 } };
    const best = chart === "mDice" ? validations.findLastIndex((each) => each.best) : -1;
    return best < 0 ? [lines] : [lines, { x: [x[best]], y: [y[best]], mode: "markers", hoverinfo: "skip", cliponaxis: false,
      marker: { size: 11, color: line.color, symbol: "circle-open", line: { width: 2.2 } } }];
  }
  const column = steps[chart === "loss" ? "loss" : chart] ?? [];
  if (!column.some((value) => value !== null)) return [];
  const single = { ...told, x: across(steps.iteration, steps.seconds, axis), y: column };
  if (chart !== "loss") return [{ ...single, line: { ...line, width: chart === "lr" ? 2 : 1.3 } }];
  const faint = { ...single, line: { ...line, width: 1, dash: "solid" }, opacity: 0.32, hoverinfo: "skip" };
  return [...(raw ? [faint] : []), { ...told, x: across(means.iteration, means.seconds, axis), y: smoothed(means) }];
}

/** @param {(number|null)[]} iterations @param {(number|null)[]} seconds @param {string} axis */
function across(iterations, seconds, axis) {
  return axis === "iteration" ? iterations : seconds.map((value) => (value === null ? null : value / 60));
}

/** A moving mean of the loss, each part counted as often as it has steps. @param {Columns} means */
function smoothed(means) {
  const { loss, count } = means, half = Math.max(1, Math.round(loss.length / SMOOTH / 2));
  return loss.map((_, at) => {
    let sum = 0, n = 0;
    for (let i = Math.max(0, at - half); i <= Math.min(loss.length - 1, at + half); i++) {
      if (loss[i] !== null) { sum += Number(loss[i]) * Number(count[i]); n += Number(count[i]); }
    }
    return n ? sum / n : null;
  });
}

/** @param {string} chart @param {string} axis @param {HTMLElement} place */
function layoutOf(chart, axis, place) {
  const shares = { tickformat: ".3~p", hoverformat: ".2%", autorangeoptions: { clipmin: 0, clipmax: 1 } };
  const ways = {
    mDice: shares, per_class: shares, loss: { rangemode: "tozero", hoverformat: ".4f" },
    lr: { rangemode: "tozero", hoverformat: ".2e", tickformat: ".2~g", nticks: 5 }, iteration_s: { rangemode: "tozero", hoverformat: ".3f" },
  };
  const style = getComputedStyle(place), common = { zeroline: false, automargin: true, fixedrange: true };
  return {
    template: "none", height: 260, margin: { l: 46, r: 12, t: 10, b: 34 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { size: 12, family: style.fontFamily }, hovermode: "x unified", separators: SEPARATORS, showlegend: false,
    xaxis: { ...common, showgrid: false, nticks: 7, ticks: "outside", ticklen: 4, hoverformat: ",.4~r", rangemode: "tozero",
      ticksuffix: "", spikethickness: -2, title: { text: say(`axis_${axis}`), standoff: 6, font: { size: 11.5 } } },
    yaxis: { ...common, gridwidth: 1, nticks: 6, ...ways[chart] },
  };
}

/** The classes of the chosen runs; the first after the background is shown. @param {Run[]} runs */
function fillClasses(runs) {
  const names = [...new Set(runs.flatMap((run) => Object.keys(curves.get(run.name)?.part.validations[0]?.dice ?? {})))];
  const before = element("curve-class").value;
  fill("curve-class", names.map((name) => [name, name]));
  if (!names.includes(before) && names.length > 1) element("curve-class").value = names[1];
}

/** A name as plotly may show it, which reads a part of HTML. @param {string} text */
function escaped(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
