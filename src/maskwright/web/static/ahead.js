// @ts-check
/**
 * Photos that are fetched before they are asked for: the neighbours of the one in view; what falls out is cancelled.
 *
 * @typedef {import("./server.js").SampleFacts} SampleFacts
 * @typedef {object} Fetched
 * @property {Promise<SampleFacts>} facts
 * @property {Promise<ImageBitmap>} photo
 * @property {Promise<Uint8Array>} mask
 * @property {number} round which round of decisions the facts belong to
 * @property {boolean} whole everything is here
 * @property {AbortController} stop
 */

import { askFacts, askMask, askPhoto } from "./server.js";

const KEPT = 24; // photos seen lately stay, so that going back costs nothing
const KEPT_PIXELS = 160e6; // but not more than 640 MB of them

/** @type {Map<number, Fetched>} */
const fetched = new Map();
let round = 0;

/** Fetch a sample, or take it as it was fetched. @param {number} index @returns {Fetched} */
export function fetchAhead(index) {
  const known = fetched.get(index);
  if (known) {
    fetched.delete(index); // to the end of the map: the most lately used
    fetched.set(index, known);
    return known;
  }
  const stop = new AbortController();
  const one = {
    facts: askFacts(index, stop.signal), photo: askPhoto(index, stop.signal), mask: askMask(index, stop.signal), round, stop,
    whole: false,
  };
  fetched.set(index, one);
  Promise.all([one.facts, one.photo, one.mask]).then(() => (one.whole = true), () => forget(index, one));
  return one;
}

/**
 * Fetch the neighbours too, and stop fetching what is no neighbour any more.
 *
 * @param {number[]} wanted indices, the most urgent first
 * @param {number} pixels of one photo, about
 */
export function keepAhead(wanted, pixels) {
  for (const [index, one] of fetched) if (!one.whole && !wanted.includes(index)) forget(index, one);
  for (const index of wanted) fetchAhead(index);
  const most = Math.max(wanted.length, Math.min(KEPT, Math.floor(KEPT_PIXELS / Math.max(1, pixels))));
  for (const index of fetched.keys()) {
    if (fetched.size <= most) break;
    if (!wanted.includes(index)) forget(index);
  }
}

/** Fetch it anew when it is next asked for. @param {number} index @param {Fetched} [only] */
export function forget(index, only) {
  const one = fetched.get(index);
  if (!one || (only && one !== only)) return;
  fetched.delete(index);
  one.stop.abort();
}

/** A decision was saved: costs that were fetched before are out of date. */
export function newRound() {
  round++;
}

/**
 * Fetch the facts anew if decisions were saved since; and the mask, if somebody decided on this very sample.
 *
 * @param {number} index
 * @returns {Fetched}
 */
export function fetchFresh(index) {
  const one = fetchAhead(index);
  if (one.round !== round) {
    const { facts, mask } = one;
    one.round = round;
    one.facts = askFacts(index, one.stop.signal);
    one.mask = Promise.all([facts, one.facts]).then(([old, now]) => (
      old.version === now.version ? mask : askMask(index, one.stop.signal)));
    one.mask.catch(() => forget(index, one));
  }
  return one;
}
