// @ts-check
/** The page on which a person reviews masks: asks for the queue, puts the parts together, opens the first photo. */

import { act, mountKeys } from "./actions.js";
import { element, on, tell } from "./app.js";
import { decisionRefused, decisionSaved, decisionStale, rowOf } from "./deciding.js";
import { mountDialogs } from "./dialogs.js";
import { draftKey, fetchProposal, goTo, touchDraft } from "./opening.js";
import { mountMeanwhile } from "./meanwhile.js";
import { newOutbox, takeOver } from "./outbox.js";
import { mountPointing } from "./pointing.js";
import { mountQueue } from "./queuelist.js";
import { mountReasons } from "./reasons.js";
import { say } from "./sentences.js";
import { askQueue } from "./server.js";
import { newStage } from "./stage.js";
import { mountStatus } from "./status.js";
import { draftKeys } from "./store.js";
import { mountToolbar } from "./toolbar.js";

/** @typedef {import("./app.js").App} App */

const WAYS = ["model", "grabcut"]; // to a proposal for the whole mask, the better one first

/** @param {import("./server.js").Queue} queue @returns {App} */
function newApp(queue) {
  const first = queue.classes.find((one) => one.id > 0) ?? queue.classes[0];
  /** @type {App} */
  const app = {
    queue, dataset: `${queue.name}:${queue.samples.length}:${queue.classes.map((one) => one.name).join(",")}`,
    shown: queue.samples, at: null, opened: null, works: new Map(), painted: new Set(),
    settings: {
      tool: "look", classId: first.id, size: 12, opacity: 0.4, outline: false, hidden: false, compare: false,
      method: "",
    },
    log: { done: [], undone: [] }, conflicts: [], saved: new Set(), refused: "", armed: null, finding: -1, listeners: new Map(),
    outbox: newOutbox("", { changed() {}, saved() {}, conflict() {}, refused() {} }),
  };
  app.outbox = newOutbox(app.dataset, {
    changed: () => tell(app, "saving"),
    saved: (message, answer) => decisionSaved(app, message, answer),
    conflict: (conflict) => void decisionStale(app, conflict),
    refused: (message, refusal) => void decisionRefused(app, message, refusal),
  });
  return app;
}

/** Unsaved paint and unsent decisions of an earlier visit. @param {App} app */
async function comeBack(app) {
  const prefix = draftKey(app, { ...app.queue.samples[0], id: "" });
  const drafts = (await draftKeys(prefix).catch(() => [])).map((key) => key.slice(prefix.length));
  for (const id of drafts) if (rowOf(app, id)) app.painted.add(id);
  for (const message of await takeOver(app.outbox).catch(() => [])) {
    const row = rowOf(app, message.sample);
    if (row) row.decision = message.action === "clear" ? null : message.action;
  }
}

/** Which ways to a proposal there are. @param {App} app */
function fillMethods(app) {
  const methods = WAYS.filter((name) => app.queue.proposals.includes(name));
  app.settings.method = methods[0] ?? "";
  const select = element("method");
  select.replaceChildren(...(methods.length ? methods : [""]).map((name) => {
    const option = document.createElement("option");
    option.value = name;
    option.textContent = say(name ? `method_${name}` : "method_none");
    return option;
  }));
  select.hidden = methods.length < 2;
  select.addEventListener("change", () => void fetchProposal(app));
}

async function start() {
  const queue = await askQueue();
  if (!queue.samples.length) return fail(say("queue_nothing"));
  const app = newApp(queue);
  await comeBack(app);
  await mountMeanwhile(app);
  element("dataset-name").textContent = queue.name;
  element("person").textContent = queue.person;
  newStage(app);
  fillMethods(app);
  mountToolbar(app, (id) => act(app, id));
  mountReasons(app);
  mountStatus(app);
  mountDialogs(app);
  mountPointing(app);
  mountKeys(app);
  on(app, ["mask"], (change) => change?.edited && touchDraft(app));
  const wanted = rowOf(app, new URLSearchParams(location.search).get("sample") ?? "");
  if (wanted) app.at = wanted;
  mountQueue(app);
  if (wanted) {
    app.at = null;
    await goTo(app, wanted);
  }
  document.body.dataset.ready = "true";
}

/** @param {string} text */
function fail(text) {
  element("pane-mask").querySelector(".pane-note").textContent = text;
  element("panes").dataset.loading = "true";
}

start().catch((error) => fail(say("queue_unreachable", { error: error.message })));
