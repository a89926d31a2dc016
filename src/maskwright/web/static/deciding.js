// @ts-check
/**
 * Decisions: made, undone, done again, in conflict with another person's.
 *
 * @typedef {import("./app.js").App} App
 * @typedef {import("./app.js").QueueSample} QueueSample
 * @typedef {import("./app.js").DecisionState} DecisionState
 * @typedef {import("./app.js").Step} Step
 */

import { forget, newRound } from "./ahead.js";
import { tell, toast } from "./app.js";
import { fromBase64, packed, sameBytes, toBase64, unpacked } from "./bytes.js";
import { draftKey, goTo, isPainted, keepOrDrop, reload, replace, saveDraftNow } from "./opening.js";
import { post } from "./outbox.js";
import { painting, redo, undo } from "./painting.js";
import { say } from "./sentences.js";
import { askFacts, askMask, askPainted } from "./server.js";
import { dropDraft, dropUnsent, keepDraft } from "./store.js";

/** Keep, exclude, relabel, or take the decision back, and go on. @param {App} app @param {import("./app.js").DecisionName} action */
export function decide(app, action) {
  const opened = app.opened;
  if (!opened || opened.row !== app.at) return;
  const { row, work } = opened, painted = isPainted(work);
  if (action === "clear" && !row.decision) return toast(app, say("nothing_decided"));
  if (action === "relabel" && !painted && row.decision !== "relabel") return toast(app, say("nothing_painted"));
  if (action === "keep" && painted && app.armed !== row.id) {
    app.armed = row.id;
    return toast(app, say("paint_unsaved"));
  }
  if (action === "keep" && painted) {
    replace(work, work.saved, "drop");
    void keepOrDrop(app, row, work);
    tell(app, "mask", { all: true });
  }
  const before = stateOf(app, row);
  const after = { action, note: work.note, mask: action === "relabel" ? packed(work.painting.mask) : null };
  app.log.done.push({ row, before, after });
  app.log.undone = [];
  enact(app, row, after);
  if (action !== "clear") goOn(app, row);
}

/** The decision as it stands. @param {App} app @param {QueueSample} row @returns {DecisionState} */
function stateOf(app, row) {
  const work = app.works.get(row.id);
  const mask = row.decision === "relabel" && work ? packed(work.saved) : null;
  const note = app.opened?.row === row ? (app.opened.facts.decision?.note ?? "") : "";
  return { action: row.decision, note, mask };
}

/** Bring a sample into a state of decision: at once on the page, and on the way to the server. */
function enact(/** @type {App} */ app, /** @type {QueueSample} */ row, /** @type {DecisionState} */ state) {
  const work = app.works.get(row.id), action = state.action ?? "clear";
  const mask = state.mask && unpacked(state.mask, row.size_hw[0] * row.size_hw[1]);
  row.decision = action === "clear" ? null : action;
  if (work) work.savedNote = state.note;
  if (work && mask) {
    const [height, width] = row.size_hw, follows = !isPainted(work) && !sameBytes(work.saved, mask);
    if (follows) work.painting = painting(width, height, mask.slice()); // there is no paint to keep
    work.saved = mask;
  }
  if (work) void keepOrDrop(app, row, work);
  const message = { sample: row.id, action, mask: mask && toBase64(mask), note: state.note, version: row.version };
  post(app.outbox, message);
  tell(app, "rows");
  tell(app, "saving");
}

/** To the next undecided sample, round the end if need be. @param {App} app @param {QueueSample} row */
export function goOn(app, row) {
  const place = app.shown.indexOf(row);
  const order = [...app.shown.slice(place + 1), ...app.shown.slice(0, Math.max(0, place))];
  const next = order.find((one) => one.decision === null);
  if (next) void goTo(app, next);
  else toast(app, say("all_decided"));
}

/** The server has written a decision down. @param {App} app @param {import("./server.js").DecisionMessage} message */
export function decisionSaved(app, message, /** @type {{version: string, decision: any}} */ answer) {
  const row = rowOf(app, message.sample);
  newRound();
  app.saved.add(answer.version);
  if (!row) return;
  row.version = answer.version;
  const work = app.works.get(row.id);
  if (message.action === "relabel" && work) {
    forget(row.index);
    if (app.at === row) void goTo(app, row);
  } else reload(app, row);
  if (app.at && app.at !== row) void goTo(app, app.at); // what excluding the photo in view costs is another number now
  tell(app, "rows");
}

/** @param {App} app @param {string} id */
export function rowOf(app, id) {
  return app.queue.samples.find((one) => one.id === id);
}

/** Undo a stroke of the present mask, or else the last decision. @param {App} app */
export async function undoAny(app) {
  const opened = app.opened;
  const edit = opened && opened.row === app.at ? undo(opened.work.painting) : null;
  if (edit) return tell(app, "mask", { rect: edit.rect, edited: true });
  const step = app.log.done.at(-1);
  if (!step) return toast(app, say("nothing_to_undo"));
  if (!(await hasMask(app, step.row, step.before)) || app.log.done.at(-1) !== step) return;
  app.log.undone.push(step);
  app.log.done.pop();
  const work = app.works.get(step.row.id);
  if (work && step.after.action === "relabel") work.keepPaint = true;
  back(app, step.row, step.before);
}

/** Do again what was undone last. @param {App} app */
export async function redoAny(app) {
  const opened = app.opened;
  const edit = opened && opened.row === app.at ? redo(opened.work.painting) : null;
  if (edit) return tell(app, "mask", { rect: edit.rect, edited: true });
  const step = app.log.undone.at(-1);
  if (!step) return toast(app, say("nothing_to_redo"));
  if (!(await hasMask(app, step.row, step.after)) || app.log.undone.at(-1) !== step) return;
  app.log.done.push(step);
  app.log.undone.pop();
  back(app, step.row, step.after);
}

/** Fetch the mask of a state out of the journal; whether it is there. @param {App} app @param {QueueSample} row @param {DecisionState} state */
async function hasMask(app, row, state) {
  if (state.action !== "relabel" || state.mask || !state.version) return true;
  try {
    state.mask = packed(await askPainted(row.index, state.version));
  } catch (error) {
    toast(app, say("photo_unreachable", { error: /** @type {Error} */ (error).message }));
  }
  return state.mask !== null;
}

/** @param {App} app @param {QueueSample} row @param {DecisionState} state */
function back(app, row, state) {
  saveDraftNow(app);
  enact(app, row, state);
  void goTo(app, row);
  toast(app, say("decision_changed", { id: row.id, decision: say(`decision_${row.decision ?? "none"}`) }));
}

/**
 * Another person, or another window, decided meanwhile. A decision that is there already was only not confirmed.
 *
 * @param {App} app @param {App["conflicts"][number]} conflict
 */
export async function decisionStale(app, conflict) {
  const row = rowOf(app, conflict.message.sample);
  if (!row) return;
  if (await isThere(app, row, conflict.message, conflict.current.decision)) {
    settle(app, conflict);
    return decisionSaved(app, conflict.message, conflict.current);
  }
  app.conflicts.push(conflict);
  tell(app, "saving");
}

/**
 * The server will not take a decision at all: the page shows what stands, and the paint stays as a draft.
 *
 * @param {App} app @param {import("./server.js").DecisionMessage} message @param {import("./server.js").Refusal} refusal
 */
export async function decisionRefused(app, message, refusal) {
  const row = rowOf(app, message.sample);
  app.refused = `${message.sample}: ${refusal.message}`;
  tell(app, "saving");
  if (!row) return;
  const work = app.works.get(row.id);
  if (work) Object.assign(work, { keepPaint: true, kept: true });
  app.log.done = app.log.done.filter((step) => step.row !== row);
  if (message.mask) {
    const mask = fromBase64(message.mask);
    const draft = { key: draftKey(app, row), version: row.version, mask: packed(mask), size: mask.length, note: message.note };
    await keepDraft(draft).catch(() => {});
    app.painted.add(row.id);
  }
  const facts = await askFacts(row.index).catch(() => null);
  row.decision = facts?.decision && facts.decision.action !== "clear" ? facts.decision.action : null;
  tell(app, "rows");
  await goTo(app, row);
  reload(app, row);
}

/** @param {App} app @param {QueueSample} row @param {import("./server.js").DecisionMessage} message @param {any} decision */
async function isThere(app, row, message, decision) {
  const action = decision?.action ?? "clear";
  if (action !== message.action || (decision && (decision.who !== app.queue.person || decision.note !== message.note))) return false;
  if (!message.mask) return true;
  const mask = await askMask(row.index).catch(() => null);
  return mask !== null && toBase64(mask) === message.mask;
}

/** Send one's own decision again, over the other one. @param {App} app @param {App["conflicts"][number]} conflict */
export function takeMine(app, conflict) {
  const row = rowOf(app, conflict.message.sample);
  if (!row) return;
  row.version = conflict.current.version;
  post(app.outbox, { ...conflict.message, version: row.version });
  settle(app, conflict);
  tell(app, "saving");
}

/** Let the other decision stand. @param {App} app @param {App["conflicts"][number]} conflict */
export function takeTheirs(app, conflict) {
  settle(app, conflict);
  const row = rowOf(app, conflict.message.sample);
  if (!row) return;
  row.version = conflict.current.version;
  const action = conflict.current.decision?.action ?? null;
  row.decision = action === "clear" ? null : action;
  app.works.delete(row.id);
  app.painted.delete(row.id);
  app.log.done = app.log.done.filter((step) => step.row !== row);
  void dropDraft(draftKey(app, row)).catch(() => {});
  forget(row.index);
  tell(app, "rows");
  tell(app, "saving");
  void goTo(app, row);
}

/** @param {App} app @param {App["conflicts"][number]} conflict */
function settle(app, conflict) {
  app.conflicts = app.conflicts.filter((one) => one !== conflict);
  conflict.key.then(dropUnsent).catch(() => {});
}
