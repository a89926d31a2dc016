// @ts-check
/**
 * Going to a photo: what is shown at once, what is fetched, what was painted before.
 *
 * @typedef {import("./app.js").App} App
 * @typedef {import("./app.js").Opened} Opened
 * @typedef {import("./app.js").QueueSample} QueueSample
 * @typedef {import("./app.js").Work} Work
 */

import { fetchFresh, forget, keepAhead } from "./ahead.js";
import { tell, toast } from "./app.js";
import { fromBase64, packed, sameBytes, toBase64, unpacked } from "./bytes.js";
import { waitingFor } from "./outbox.js";
import { begin, commit, paintFrom, painting, whole } from "./painting.js";
import { say } from "./sentences.js";
import { askOriginal, askProposal, propose } from "./server.js";
import { draftOf, dropDraft, keepDraft } from "./store.js";

const AHEAD = [1, -1, 2, 3]; // the next photo first, then the one before, then farther on
const AGAIN_MS = 3000; // a photo that could not be fetched is asked for again: the server may be back
const REST_MS = 250; // a draft is written when the hand rests this long

/** Go to a sample. @param {App} app @param {QueueSample|undefined} row @returns {Promise<void>} */
export async function goTo(app, row) {
  if (!row) return;
  if (app.at !== row) {
    saveDraftNow(app);
    app.at = row;
    app.armed = null;
    app.finding = -1;
    tell(app, "at");
  }
  const place = app.shown.indexOf(row);
  const near = place < 0 ? [] : AHEAD.map((step) => app.shown[place + step]).filter(Boolean).map((one) => one.index);
  keepAhead([row.index, ...near], row.size_hw[0] * row.size_hw[1]);
  const fetched = fetchFresh(row.index);
  try {
    const [facts, photo, mask] = await Promise.all([fetched.facts, fetched.photo, fetched.mask]);
    if (app.at !== row) return;
    freshen(app, row, facts);
    const work = await workOn(app, row, facts, mask);
    if (app.at !== row) return;
    const label = facts.decision?.action === "relabel" ? null : mask;
    show(app, { row, facts, photo, work, label, proposal: null, proposalState: "waiting", difference: null, superpixels: null });
  } catch (error) {
    if (app.at !== row || /** @type {Error} */ (error).name === "AbortError") return;
    tell(app, "opened", error);
    setTimeout(() => { if (app.at === row && app.opened?.row !== row) void goTo(app, row); }, AGAIN_MS);
  }
}

/** The server's word is newer than the queue's, unless this page has just decided. @param {App} app @param {QueueSample} row */
function freshen(app, row, /** @type {import("./app.js").SampleFacts} */ facts) {
  if (waitingFor(app.outbox, row.id)) return;
  const decision = facts.decision && facts.decision.action !== "clear" ? facts.decision.action : null;
  const changed = row.decision !== decision;
  row.version = facts.version;
  row.decision = decision;
  if (changed) tell(app, "rows");
}

/** @param {App} app @param {Opened} opened */
function show(app, opened) {
  const before = app.opened;
  app.opened = opened;
  if (before?.row === opened.row) {
    const { proposal, proposalState, superpixels } = before;
    Object.assign(opened, { label: opened.label ?? before.label, proposal, proposalState, superpixels });
  }
  tell(app, "opened");
  if (app.settings.compare) void fetchLabel(app);
  if (before?.row !== opened.row || opened.proposalState === "waiting") void fetchProposal(app);
}

/**
 * The mask to paint on: as it was left, or as the server has it, or as a draft of an earlier visit has it.
 *
 * @param {App} app @param {QueueSample} row @param {import("./app.js").SampleFacts} facts @param {Uint8Array} mask
 * @returns {Promise<Work>}
 */
async function workOn(app, row, facts, mask) {
  const [height, width] = row.size_hw;
  if (mask.length !== width * height) throw new Error(say("wrong_size"));
  const known = app.works.get(row.id), unsent = waitingFor(app.outbox, row.id);
  if (known) return unsent ? known : renewed(app, row, known, mask);
  if (unsent?.mask) mask = fromBase64(unsent.mask);
  const work = {
    painting: painting(width, height, mask.slice()), saved: mask, keepPaint: false, selection: null, kept: false,
    note: unsent?.note ?? facts.decision?.note ?? "", savedNote: facts.decision?.note ?? "",
  };
  // the store is slow while it writes, so it is asked only about what it had when the page was opened
  const draft = app.painted.has(row.id) ? await draftOf(draftKey(app, row)).catch(() => undefined) : undefined;
  work.kept = Boolean(draft);
  if (draft && draft.size === mask.length) {
    replace(work, unpacked(draft.mask, draft.size), "draft");
    work.note = draft.note;
    if (draft.version !== row.version) toast(app, say("draft_older"));
    else if (isPainted(work)) toast(app, say("draft_back"));
  }
  app.works.set(row.id, work);
  if (draft) void keepOrDrop(app, row, work);
  return work;
}

/** The server's mask changed by a decision: the paint follows it, unless it is unsaved. @param {App} app @param {QueueSample} row */
function renewed(app, row, /** @type {Work} */ work, /** @type {Uint8Array} */ mask) {
  if (work.saved === mask || sameBytes(work.saved, mask)) return work;
  const follows = !isPainted(work) && !work.keepPaint;
  work.saved = mask;
  work.keepPaint = false;
  if (follows) replace(work, mask, "reload");
  void keepOrDrop(app, row, work);
  return work;
}

/** Put another mask in place of the present one, as an edit. @param {Work} work @param {Uint8Array} mask @param {string} what */
export function replace(work, mask, what) {
  begin(work.painting);
  paintFrom(work.painting, mask, whole(work.painting));
  return commit(work.painting, what);
}

/** Whether there is paint that the server does not have. @param {Work} work */
export function isPainted(work) {
  return !sameBytes(work.painting.mask, work.saved);
}

/** Fetch the present sample anew, e.g. after a decision changed its mask. @param {App} app @param {QueueSample} row */
export function reload(app, row) {
  forget(row.index);
  if (app.at === row) void goTo(app, row);
}

/** The dataset's own mask of the photo in view, null where the server does not answer. @param {App} app */
export async function fetchLabel(app) {
  const opened = app.opened;
  if (!opened || opened.label) return opened?.label ?? null;
  const label = await askOriginal(opened.row.index).catch(() => null);
  if (app.opened?.row !== opened.row) return null;
  app.opened.label = label;
  tell(app, "proposal");
  return label;
}

/**
 * Fetch what is proposed for the photo in view.
 *
 * GrabCut takes the server a moment: it is asked only when its answer is looked at or wanted.
 *
 * @param {App} app
 * @param {boolean} [wanted]
 */
export async function fetchProposal(app, wanted = app.settings.compare) {
  const opened = app.opened, method = app.settings.method;
  if (!opened) return;
  const asked = (method === "model" && opened.facts.modelled) || (method === "grabcut" && wanted);
  Object.assign(opened, { proposal: null, proposalState: asked ? "waiting" : "none", difference: null });
  tell(app, "proposal");
  if (!asked) return;
  const found = await (method === "model" ? askProposal(opened.row.index, method) : grabCut(app, opened)).catch(() => null);
  if (app.opened?.row !== opened.row || app.settings.method !== method) return;
  const fits = found?.length === opened.work.saved.length;
  Object.assign(app.opened, { proposal: fits ? found : null, proposalState: fits ? "there" : "none" });
  tell(app, "proposal");
}

/** Each object class of the mask cut out anew, one after the other. @param {App} app @param {Opened} opened */
async function grabCut(app, opened) {
  let mask = opened.work.painting.mask;
  for (const { id } of app.queue.classes) {
    if (id === 0 || !mask.includes(id)) continue;
    mask = await propose(opened.row.index, { method: "grabcut", class_id: id, box_xywh: null, points: [], mask: toBase64(mask) });
  }
  return mask === opened.work.painting.mask ? null : mask;
}

/** @type {{app: App, row: QueueSample, work: Work, timer: ReturnType<typeof setTimeout>}|null} */
let resting = null;

/** Paint or a note changed: keep it in the browser when the hand rests. @param {App} app */
export function touchDraft(app) {
  const opened = app.opened;
  if (!opened) return;
  if (resting) clearTimeout(resting.timer);
  resting = { app, row: opened.row, work: opened.work, timer: setTimeout(() => saveDraftNow(app), REST_MS) };
}

/** Keep unsaved paint in the browser now. @param {App} app */
export function saveDraftNow(app) {
  if (!resting) return;
  const { row, work, timer } = resting;
  clearTimeout(timer);
  resting = null;
  void keepOrDrop(app, row, work);
}

/** @param {App} app @param {QueueSample} row @param {Work} work */
export async function keepOrDrop(app, row, work) {
  const painted = isPainted(work), known = app.painted.has(row.id);
  if (painted) app.painted.add(row.id);
  else app.painted.delete(row.id);
  if (painted !== known) tell(app, "rows");
  const key = draftKey(app, row), before = work.kept;
  const mask = painted || work.note !== work.savedNote ? packed(work.painting.mask) : null;
  work.kept = mask !== null;
  if (mask) await keepDraft({ key, version: row.version, mask, size: work.saved.length, note: work.note }).catch(() => {});
  else if (before) await dropDraft(key).catch(() => {});
}

/** @param {App} app @param {QueueSample} row */
export function draftKey(app, row) {
  return `${app.dataset}/${row.id}`;
}
