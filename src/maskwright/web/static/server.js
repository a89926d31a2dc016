// @ts-check
/**
 * What the server is asked, one function per question.
 *
 * @typedef {import("./tint.js").ClassInfo} ClassInfo
 * @typedef {"keep"|"exclude"|"relabel"|"clear"} DecisionName
 * @typedef {{action: DecisionName, note: string, who: string, when: string}} Decided
 * @typedef {{index: number, id: string, split: string, severity: number, size_hw: [number, number], checks: string[],
 *   class_ids: number[], decision: DecisionName|null, version: string}} QueueSample
 * @typedef {{name: string, classes: ClassInfo[], ignore: number, person: string, lang: string, proposals: string[],
 *   to_get: Record<string, string>, notices: string[],
 *   samples: QueueSample[], check_names: Record<string, string>}} Queue
 * @typedef {{check: string, severity: number, sentence: string, region_xywh: [number, number, number, number]|null}} Reason
 * @typedef {{before: number[], after: number[], images_before: number[], images_after: number[]}} Cost
 * @typedef {{index: number, id: string, split: string, version: string, size_hw: [number, number], findings: Reason[],
 *   changed: boolean, decision: Decided|null, history: Decided[], cost: Cost|null, modelled: boolean, image_file?: string,
 *   mask_file?: string}} SampleFacts
 * @typedef {{sample: string, action: DecisionName, mask: string|null, note: string, version: string}} DecisionMessage
 * @typedef {{sample: string, action: DecisionName, note: string, who: string, mine: boolean, version: string,
 *   mask_digest: string}} Change  a line of the journal
 */

import { LANG } from "./sentences.js";

/** The server's "no", or its silence (`status` 0). */
export class Refusal extends Error {
  /** @param {number} status @param {string} message @param {any} [body] */
  constructor(status, message, body = null) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

/** @param {string} path @param {RequestInit} [options] @returns {Promise<Response>} */
export async function ask(path, options = {}) {
  let response;
  const headers = { "Accept-Language": LANG, ...options.headers }; // refusals are in the language of the page
  try {
    response = await fetch(path, { credentials: "same-origin", ...options, headers });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Refusal(0, String(error));
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => null);
  throw new Refusal(response.status, body?.error?.message ?? `HTTP ${response.status}`, body);
}

/** @returns {Promise<Queue>} */
export async function askQueue() {
  return (await ask(`/review/queue.json?lang=${LANG}`)).json();
}

/** @param {number} index @param {AbortSignal} [signal] @returns {Promise<SampleFacts>} */
export async function askFacts(index, signal) {
  return (await ask(`/review/sample/${index}.json?lang=${LANG}`, { signal })).json();
}

/** @param {number} index @param {AbortSignal} [signal] @returns {Promise<ImageBitmap>} */
export async function askPhoto(index, signal) {
  return createImageBitmap(await (await ask(`/review/sample/${index}/photo`, { signal })).blob());
}

/** Where a small picture of a photo is. @param {number} index */
export function thumbnail(index) {
  return `/review/sample/${index}/photo?side=96`;
}

/** The mask as it stands, class ids, H*W. @param {number} index @param {AbortSignal} [signal] */
export async function askMask(index, signal) {
  return bytes(await ask(`/review/sample/${index}/mask`, { signal }));
}

/** The mask that a decision painted, class ids, H*W. @param {number} index @param {string} version */
export async function askPainted(index, version) {
  return bytes(await ask(`/review/sample/${index}/mask?version=${encodeURIComponent(version)}`));
}

/** What was decided after one line of the journal. @param {number} since @returns {Promise<{sequence: number, decisions: Change[]}>} */
export async function askChanges(since) {
  return (await ask(`/review/changes.json?since=${since}`)).json();
}

/** The dataset's own mask, class ids, H*W. @param {number} index */
export async function askOriginal(index) {
  return bytes(await ask(`/review/sample/${index}/mask?original=1`));
}

/** A model's proposal, class ids, H*W. @param {number} index @param {string} method @param {AbortSignal} [signal] */
export async function askProposal(index, method, signal) {
  return bytes(await ask(`/review/sample/${index}/proposal?method=${encodeURIComponent(method)}`, { signal }));
}

/** Ids of superpixels, H*W. @param {number} index @param {AbortSignal} [signal] */
export async function askSuperpixels(index, signal) {
  const data = await (await ask(`/review/sample/${index}/superpixels`, { signal })).arrayBuffer();
  const view = new DataView(data), ids = new Uint16Array(data.byteLength / 2);
  for (let at = 0; at < ids.length; at++) ids[at] = view.getUint16(2 * at, true);
  return ids;
}

/** A mask proposed from what a person points at, class ids, H*W. @param {number} index @param {object} request */
export async function propose(index, request) {
  return bytes(await ask(`/review/sample/${index}/propose`, posted(request)));
}

/** Have a decision written down. @param {DecisionMessage} message @returns {Promise<{version: string, decision: Decided|null}>} */
export async function sendDecision(message) {
  return (await ask("/review/decisions", posted(message))).json();
}

/** A change, as it is asked for. @param {object} body @returns {RequestInit} */
export function posted(body) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
}

/** @param {Response} response */
export async function bytes(response) {
  return new Uint8Array(await response.arrayBuffer());
}
