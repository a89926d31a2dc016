// @ts-check
/**
 * Decisions on their way to the server, one after the other, tried again until the server has written them down.
 *
 * @typedef {import("./server.js").DecisionMessage} DecisionMessage
 * @typedef {import("./server.js").Refusal} Refusal
 * @typedef {{message: DecisionMessage, key: Promise<number>}} Waiting
 * @typedef {object} Outbox
 * @property {string} dataset
 * @property {Waiting[]} waiting
 * @property {Refusal|null} trouble why the first one has not got through
 * @property {number} tries
 * @property {ReturnType<typeof setTimeout>|null} timer
 * @property {boolean} busy
 * @property {OutboxEvents} tell
 * @typedef {object} OutboxEvents
 * @property {() => void} changed
 * @property {(message: DecisionMessage, answer: {version: string, decision: any}) => void} saved
 * @property {(conflict: Conflict) => void} conflict
 * @property {(message: DecisionMessage, refusal: Refusal) => void} refused for good: sent again it would be refused again
 * @typedef {{message: DecisionMessage, current: {version: string, decision: any}, key: Promise<number>}} Conflict  `key` of
 *   the message in the browser's store: it stays there until the person has chosen
 */

import { sendDecision } from "./server.js";
import { changeUnsent, dropUnsent, keepUnsent, takeOverUnsent } from "./store.js";

const FIRST_WAIT_MS = 1000, LONGEST_WAIT_MS = 10000;

/** @param {string} dataset @param {OutboxEvents} tell @returns {Outbox} */
export function newOutbox(dataset, tell) {
  return { dataset, waiting: [], trouble: null, tries: 0, timer: null, busy: false, tell };
}

/** Send what a page that was closed left unsent. @param {Outbox} outbox @returns {Promise<DecisionMessage[]>} */
export async function takeOver(outbox) {
  const left = await takeOverUnsent(outbox.dataset);
  for (const one of left) {
    outbox.waiting.push({ message: one.message, key: Promise.resolve(/** @type {number} */ (one.key)) });
  }
  void send(outbox);
  return left.map((one) => one.message);
}

/** @param {Outbox} outbox @param {DecisionMessage} message */
export function post(outbox, message) {
  const key = keepUnsent(outbox.dataset, message);
  key.catch(() => {}); // without a database a decision is still sent, it only does not outlive the page
  outbox.waiting.push({ message, key });
  void send(outbox);
}

/** Try now. @param {Outbox} outbox */
export function retry(outbox) {
  if (outbox.timer !== null) clearTimeout(outbox.timer);
  outbox.timer = null;
  void send(outbox);
}

/** The latest decision on a sample that is still on its way. @param {Outbox} outbox @param {string} sample */
export function waitingFor(outbox, sample) {
  return outbox.waiting.filter((one) => one.message.sample === sample).pop()?.message ?? null;
}

/** @param {Outbox} outbox */
async function send(outbox) {
  if (outbox.busy || outbox.timer !== null) return outbox.tell.changed();
  outbox.busy = true;
  outbox.tell.changed();
  while (outbox.waiting.length) {
    const first = outbox.waiting[0];
    try {
      await first.key.catch(() => {});
      saved(outbox, first, await sendDecision(first.message));
    } catch (error) {
      const refusal = /** @type {Refusal} */ (error);
      if (refusal.status === 409 && refusal.body?.current) conflict(outbox, first, refusal.body.current);
      else if (isFinal(refusal.status)) {
        leave(outbox, first);
        outbox.tell.refused(first.message, refusal);
      } else {
        wait(outbox, refusal);
        break;
      }
    }
  }
  outbox.busy = false;
  outbox.tell.changed();
}

/** A request that is wrong stays wrong; one without leave (401, 403) or at a bad moment may get through later. */
function isFinal(/** @type {number} */ status) {
  return status >= 400 && status < 500 && ![401, 403, 408, 429].includes(status);
}

/** @param {Outbox} outbox @param {Waiting} first @param {{version: string, decision: any}} answer */
function saved(outbox, first, answer) {
  leave(outbox, first);
  followUp(outbox, first.message.sample, answer.version);
  outbox.trouble = null;
  outbox.tries = 0;
  outbox.tell.saved(first.message, answer);
  outbox.tell.changed();
}

/** Later decisions of this page on the same sample were made with this one in view. @param {Outbox} outbox */
function followUp(outbox, /** @type {string} */ sample, /** @type {string} */ version) {
  for (const later of outbox.waiting) {
    if (later.message.sample !== sample) continue;
    later.message = { ...later.message, version };
    later.key.then((key) => changeUnsent(key, outbox.dataset, later.message)).catch(() => {});
    break;
  }
}

/** Of several decisions on the sample the latest is the one to ask about. @param {Outbox} outbox @param {Waiting} first */
function conflict(outbox, first, /** @type {{version: string, decision: any}} */ current) {
  const all = outbox.waiting.filter((one) => one.message.sample === first.message.sample);
  const latest = all[all.length - 1];
  for (const one of all) if (one !== latest) leave(outbox, one);
  outbox.waiting = outbox.waiting.filter((one) => one !== latest);
  outbox.trouble = null;
  outbox.tell.conflict({ message: latest.message, current, key: latest.key });
}

/** @param {Outbox} outbox @param {Waiting} one */
function leave(outbox, one) {
  outbox.waiting = outbox.waiting.filter((other) => other !== one);
  one.key.then(dropUnsent).catch(() => {});
}

/** @param {Outbox} outbox @param {Refusal} refusal */
function wait(outbox, refusal) {
  outbox.trouble = refusal;
  const pause = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** outbox.tries++);
  outbox.timer = setTimeout(() => retry(outbox), pause);
}
