// @ts-check
/**
 * Pictures of photos, labels and predictions: fetched once, predictions a few at a time and one run after the other.
 *
 * @typedef {{bitmap: ImageBitmap, width: number, height: number}} Picture
 */

import { askLabel, askPicture, askPrediction } from "./runs_server.js";

const AT_ONCE = 3; // predictions asked for together; a browser asks one host for six things at most
const KEPT = 3000; // answers kept; a small mask has 100 kB at most
export const SMALL = 320; // longest side of a picture in the rows

/** @type {Map<string, Promise<any>>} */
const answers = new Map();
/** @type {{run: string, start: () => Promise<void>, signal: AbortSignal}[]} */
let waiting = [];
let underWay = 0, last = "";

/** @param {string} of the run whose data it is of @param {string} sample @param {number} [side] @returns {Promise<ImageBitmap>} */
export function photo(of, sample, side) {
  return once(`photo ${of} ${sample} ${side}`, () => askPicture(of, sample, side));
}

/** @param {string} of @param {string} sample @param {number} [side] @returns {Promise<Uint8Array>} */
export function label(of, sample, side) {
  return once(`label ${of} ${sample} ${side}`, () => askLabel(of, sample, side));
}

/** What a run predicts; given up when nobody waits for it any more. @param {string} run @param {string} of @param {string} sample @param {number|undefined} side @param {AbortSignal} signal @returns {Promise<Uint8Array>} */
export function prediction(run, of, sample, side, signal) {
  return once(`${run} ${of} ${sample} ${side}`, () => new Promise((resolve, reject) => {
    const start = () => askPrediction(run, of, sample, side, signal).then(resolve, reject);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    waiting.push({ run, start, signal });
    next();
  }));
}

/** Forget predictions, as of runs whose weights have changed. @param {string} run */
export function forget(run) {
  for (const key of answers.keys()) if (key.startsWith(`${run} `)) answers.delete(key);
}

function next() {
  waiting = waiting.filter((each) => !each.signal.aborted);
  while (underWay < AT_ONCE && waiting.length) {
    const place = Math.max(0, waiting.findIndex((each) => each.run === last)), [job] = waiting.splice(place, 1);
    last = job.run;
    underWay++;
    void job.start().finally(() => { underWay--; next(); });
  }
}

/** @template T @param {string} key @param {() => Promise<T>} ask @returns {Promise<T>} */
function once(key, ask) {
  let answer = answers.get(key);
  if (!answer) {
    answer = ask();
    answer.catch(() => answers.delete(key));
    if (answers.size >= KEPT) answers.delete(answers.keys().next().value ?? "");
  } else answers.delete(key);
  answers.set(key, answer); // as the latest
  return answer;
}
