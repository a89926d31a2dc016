// @ts-check
/**
 * What the server of runs is asked, one function per question.
 *
 * @typedef {import("./runs_state.js").Run} Run
 * @typedef {{iteration: number, seconds: number, best: boolean, metrics: Record<string, number|null>,
 *   dice: Record<string, number|null>}} Validation
 * @typedef {Record<string, (number|null)[]>} Columns
 * @typedef {{next: number, mark: string, anew: boolean, iterations: number|null, steps: Columns, means: Columns,
 *   validations: Validation[]}} LogPart
 * @typedef {{name: string, help: string, unit: string, apart: boolean, values: any[], reasons: string[]}} Setting
 * @typedef {{scores: (number|null)[]|null, dice: (number|null)[][]|null, trouble: string}} Judged
 * @typedef {{classes: import("./tint.js").ClassInfo[], ignore: number, splits: string[], split: string, ids: string[],
 *   sizes_hw: [number, number][], runs: Record<string, Judged>, differ: (number|null)[]|null, others: string[]}} Photos
 * @typedef {{runs: Run[], whole: boolean, judged: Record<string, number>, troubles: Record<string, string>, resuming: string[]}} Table
 */

import { LANG, say } from "./sentences.js";
import { ask, bytes, posted, Refusal } from "./server.js";

/** An error as a person reads it. @param {unknown} error @returns {string} */
export function worded(error) {
  const { message } = /** @type {Error} */ (error);
  return error instanceof Refusal && error.status === 0 ? say("unreachable", { error: message }) : message;
}

/** @param {string} path @param {Record<string, string|number|string[]|undefined>} facts @param {AbortSignal} [signal] */
async function get(path, facts = {}, signal) {
  return ask(address(path, facts), { signal });
}

/** @param {string} path @param {Record<string, string|number|string[]|undefined>} facts */
export function address(path, facts) {
  const query = Object.entries(facts).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : value === undefined ? [] : [value]).map((each) => [name, String(each)]));
  return `/runs/${path}?${new URLSearchParams(query)}`;
}

/** @param {string[]} run some runs; none for all @returns {Promise<Table>} */
export async function askTable(run) {
  return (await get("table.json", { lang: LANG, run })).json();
}

/** @param {string} run @param {number} since @param {string} mark @returns {Promise<LogPart>} */
export async function askLog(run, since, mark) {
  return (await get("log.json", { run, since, mark })).json();
}

/** @param {string[]} run @returns {Promise<{runs: string[], settings: Setting[]}>} */
export async function askRecipes(run) {
  return (await get("recipes.json", { run })).json();
}

/** @param {string[]} run @param {string} split @returns {Promise<Photos>} */
export async function askPhotos(run, split) {
  return (await get("photos.json", { run, split })).json();
}

/** @param {string} run whose data the photo is of @param {string} sample @param {number} [side] */
export async function askPicture(run, sample, side) {
  return createImageBitmap(await (await get("photo", { run, sample, side })).blob());
}

/** Class ids of the label, H*W. @param {string} run @param {string} sample @param {number} [side] */
export async function askLabel(run, sample, side) {
  return bytes(await get("label", { run, sample, side }));
}

/** Class ids that a run predicts, H*W. @param {string} run @param {string} of whose data @param {string} sample @param {number} [side] @param {AbortSignal} [signal] */
export async function askPrediction(run, of, sample, side, signal) {
  return bytes(await get("prediction", { run, of, sample, side }, signal));
}

/** @param {string[]} run @param {AbortSignal} signal @returns {Promise<any>} */
export async function askVerdict(run, signal) {
  return (await get("compare.json", { run, lang: LANG }, signal)).json();
}

/** @param {string} run @param {{tags?: string[], archived?: boolean, note?: string}} labels */
export async function sendLabels(run, labels) {
  return (await ask("/runs/labels", posted({ run, ...labels }))).json();
}

/** @param {"stop"|"resume"|"dismiss"} what @param {string} run */
export async function send(what, run) {
  return (await ask(`/runs/${what}`, posted({ run }))).json();
}
