// @ts-check
/**
 * What the server is asked. A photo goes along once; after that it is named, and sent again only where the server has let
 * go of it (410), or another of its workers answers.
 *
 * @typedef {import("./playground_state.js").Model} Model
 * @typedef {import("./playground_state.js").Settings} Settings
 * @typedef {import("./playground_state.js").Photo} Photo
 * @typedef {{mask: Uint8Array, width: number, height: number, areas: Record<string, number>, laps: Record<string, number>,
 *   wholeMs: number}} Answer
 */

import { say } from "./sentences.js";
import { ask, bytes, Refusal } from "./server.js";

const GONE = 410, BUSY = 503;
const TRIES = 4;

/** An error as a person reads it. @param {unknown} error @returns {string} */
export function worded(error) {
  const { message } = /** @type {Error} */ (error);
  return error instanceof Refusal && error.status === 0 ? say("unreachable", { error: message }) : message;
}

/** @param {string} path @param {Photo} photo @param {Record<string, string|number>} facts @param {AbortSignal} [signal] */
async function asked(path, photo, facts, signal) {
  const post = (/** @type {Blob|null} */ body) => {
    const query = new URLSearchParams(Object.entries({ ...facts, photo: photo.digest }).map(([name, value]) => [name, String(value)]));
    const headers = body ? { "Content-Type": "application/octet-stream" } : undefined;
    return patient(() => ask(`/play/${path}?${query}`, { method: "POST", body, headers, signal }), signal);
  };
  if (!photo.digest) return post(photo.blob);
  try {
    return await post(null);
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== GONE) throw error;
    return post(photo.blob);
  }
}

/** Ask again where the server is busy. @param {() => Promise<Response>} act @param {AbortSignal} [signal] @returns {Promise<Response>} */
async function patient(act, signal) {
  for (let left = TRIES; ; left--) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== BUSY || left === 0 || signal?.aborted) throw error;
      await new Promise((done) => setTimeout(done, 700));
    }
  }
}

/** @param {Photo} photo @param {Model} model @param {Settings} settings @param {AbortSignal} [signal] @returns {Promise<Answer>} */
export async function askMask(photo, model, settings, signal) {
  const began = performance.now();
  const response = await asked("mask", photo, { model: model.name, settings: JSON.stringify(settings) }, signal);
  const mask = await bytes(response), [width, height] = sizeIn(response, "maskwright-size");
  photo.digest = response.headers.get("maskwright-photo") ?? "";
  photo.whole = (response.headers.get("maskwright-whole") ?? "").replace("x", "×");
  const areas = JSON.parse(response.headers.get("maskwright-areas") ?? "{}");
  return { mask, width, height, areas, laps: lapsIn(response), wholeMs: performance.now() - began };
}

/** The probabilities of a class, 0 to 255. @param {Photo} photo @param {Model} model @param {Settings} settings @param {number} of */
export async function askProbs(photo, model, settings, of) {
  const facts = { model: model.name, settings: JSON.stringify(settings), class: of };
  const response = await asked("probs", photo, facts), [width, height] = sizeIn(response, "maskwright-size");
  return { plane: await bytes(response), width, height };
}

/** The photo as the server sees it, for browsers that cannot show its format. @param {Photo} photo @param {Model} model */
export async function askPicture(photo, model) {
  return createImageBitmap(await (await asked("photo", photo, { model: model.name })).blob());
}

/** The mask's file, at the photo's full size. @param {Photo} photo @param {Model} model @param {Settings} settings @returns {Promise<Blob>} */
export async function askWhole(photo, model, settings) {
  const query = new URLSearchParams({ model: model.name, settings: JSON.stringify(settings) });
  const headers = { "Content-Type": "application/octet-stream" };
  return (await patient(() => ask(`/play/whole?${query}`, { method: "POST", body: photo.blob, headers }))).blob();
}

/** @param {Response} response @param {string} name */
function sizeIn(response, name) {
  return (response.headers.get(name) ?? "").split(" x ").map(Number);
}

/** How long the steps took, in ms. @param {Response} response @returns {Record<string, number>} */
function lapsIn(response) {
  const parts = (response.headers.get("server-timing") ?? "").split(", ").filter(Boolean);
  return Object.fromEntries(parts.map((part) => part.split(";dur=")).map(([name, ms]) => [name, Number(ms)]));
}
