// @ts-check
/**
 * What the journal says that this page did not write: the person's own earlier decisions, which can be undone, and what
 * was decided elsewhere while the page is open.
 *
 * @typedef {import("./app.js").App} App
 * @typedef {import("./app.js").QueueSample} QueueSample
 * @typedef {import("./app.js").DecisionState} DecisionState
 * @typedef {import("./app.js").Step} Step
 * @typedef {import("./server.js").Change} Change
 */

import { newRound } from "./ahead.js";
import { tell, toast } from "./app.js";
import { waitingFor } from "./outbox.js";
import { say } from "./sentences.js";
import { askChanges } from "./server.js";

const PAUSE_MS = 4000;
const RESTING_MS = 10 * 60_000; // nobody is here: the server shall see that the page rests, and shut it in time

/** @type {DecisionState} */
const UNDECIDED = { action: null, note: "", mask: null };

/** Read the journal, and go on reading while the page is looked at. @param {App} app */
export async function mountMeanwhile(app) {
  const rows = new Map(app.queue.samples.map((row) => [row.id, row])), states = new Map();
  let since = 0, active = Date.now();
  for (const act of ["keydown", "pointermove"]) {
    document.addEventListener(act, () => (active = Date.now()), { capture: true, passive: true });
  }
  const look = async () => {
    const news = await askChanges(since);
    since = news.sequence;
    /** @type {Map<QueueSample, Change>} */
    const last = new Map();
    for (const one of news.decisions) {
      const row = rows.get(one.sample);
      if (!row) continue;
      remember(app, row, states, one);
      last.set(row, one);
    }
    showNews(app, last);
  };
  const again = async () => {
    if (!document.hidden && Date.now() - active < RESTING_MS) await look().catch(() => {}); // the next look may get through
    setTimeout(again, PAUSE_MS);
  };
  await look().catch(() => {});
  setTimeout(again, PAUSE_MS);
}

/**
 * One more line of the journal in the log of steps: a step, or one undone or done again; what another person decided ends
 * what can be undone of that sample.
 *
 * @param {App} app @param {QueueSample} row @param {Map<QueueSample, DecisionState>} states @param {Change} one
 */
function remember(app, row, states, one) {
  const before = states.get(row) ?? UNDECIDED, { log } = app;
  const after = { action: one.action === "clear" ? null : one.action, note: one.note, mask: null, version: one.version, digest: one.mask_digest };
  states.set(row, after);
  if (app.saved.has(one.version) || (one.mine && waitingFor(app.outbox, row.id))) return; // logged when it was decided
  if (!one.mine) {
    log.done = log.done.filter((step) => step.row !== row);
    log.undone = log.undone.filter((step) => step.row !== row);
  } else if (leadsTo(log.undone.at(-1), row, "after", after)) log.done.push(/** @type {Step} */ (log.undone.pop()));
  else if (leadsTo(log.done.at(-1), row, "before", after)) log.undone.push(/** @type {Step} */ (log.done.pop()));
  else {
    log.done.push({ row, before, after });
    log.undone = [];
  }
}

/** @param {Step|undefined} step @param {QueueSample} row @param {"before"|"after"} end @param {DecisionState} state */
function leadsTo(step, row, end, state) {
  if (step?.row !== row) return false;
  const there = step[end];
  return there.action === state.action && (there.action === null || there.note === state.note) && (there.digest ?? "") === (state.digest ?? "");
}

/** The rows as they are now; what a person has in view or painted on stays, and is asked about when it is decided. */
function showNews(/** @type {App} */ app, /** @type {Map<QueueSample, Change>} */ last) {
  let changed = false;
  for (const [row, one] of last) {
    if (row.version === one.version || app.saved.has(one.version) || waitingFor(app.outbox, row.id)) continue;
    const decision = one.action === "clear" ? null : one.action;
    changed = true;
    if (app.at === row) toast(app, say("decided_meanwhile", { who: one.who, decision: say(`decision_${decision ?? "none"}`) }));
    else if (!app.painted.has(row.id)) Object.assign(row, { version: one.version, decision });
  }
  if (!changed) return;
  newRound();
  tell(app, "rows");
}
