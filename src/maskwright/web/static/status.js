// @ts-check
/**
 * What the page says about itself: saved or not, the banner, short messages, where the pointer is.
 *
 * @typedef {import("./app.js").App} App
 */

import { element, on } from "./app.js";
import { retry, waitingFor } from "./outbox.js";
import { count, say } from "./sentences.js";
import { pointer } from "./stage.js";

const TOAST_MS = 3500, READING_MS = 70; // and for each letter of what is longer

/** @param {App} app */
export function mountStatus(app) {
  on(app, ["saving", "rows"], () => showSaving(app));
  on(app, ["toast"], showToast);
  on(app, ["view", "marks", "mask", "opened"], () => showPointer(app));
  on(app, ["proposal", "settings", "opened"], () => showProposal(app));
  on(app, ["at"], () => { showLoading(app); element("toast").dataset.shown = "false"; });
  on(app, ["opened", "rows", "saving"], () => showMaskState(app));
  on(app, ["opened"], (error) => showOpened(app, error));
  window.addEventListener("online", () => retry(app.outbox));
  showSaving(app);
}

/** @param {App} app */
function showSaving(app) {
  const { waiting, trouble } = app.outbox, state = element("save-state");
  state.dataset.state = trouble || app.conflicts.length ? "trouble" : waiting.length ? "waiting" : app.painted.size ? "painted" : "saved";
  state.querySelector("span").textContent = waiting.length ? count("saving_n", waiting.length)
    : app.conflicts.length ? say("conflict_title") : app.painted.size ? count("painted_n", app.painted.size) : say("all_saved");
  element("banner").hidden = !trouble && !app.refused;
  element("retry").hidden = !trouble;
  element("dismiss").hidden = Boolean(trouble);
  element("banner-text").textContent = trouble ? reasonOf(trouble, waiting.length) : app.refused && say("refused", { message: app.refused });
}

/** @param {import("./server.js").Refusal} trouble @param {number} n */
function reasonOf(trouble, n) {
  if (trouble.status === 0) return count("trouble_silent", n);
  if (trouble.status === 401 || trouble.status === 403) return count("trouble_locked", n);
  return count("trouble_other", n, { message: trouble.message });
}

let fading = 0;

/** @param {string} text */
function showToast(text) {
  const toast = element("toast");
  toast.textContent = text;
  toast.dataset.shown = "true";
  clearTimeout(fading);
  fading = window.setTimeout(() => (toast.dataset.shown = "false"), Math.max(TOAST_MS, READING_MS * text.length));
}

/** @param {App} app */
function showPointer(app) {
  const at = pointer(), painting = app.opened?.work.painting, place = element("pointer-text");
  const x = Math.floor(at?.x ?? -1), y = Math.floor(at?.y ?? -1);
  if (!painting || x < 0 || y < 0 || x >= painting.width || y >= painting.height) return void (place.textContent = "");
  const id = painting.mask[y * painting.width + x];
  const name = id === app.queue.ignore ? say("ignore") : (app.queue.classes.find((one) => one.id === id)?.name ?? String(id));
  place.textContent = `${x}, ${y} · ${name}`;
}

/** @param {App} app */
function showProposal(app) {
  const opened = app.opened;
  if (!opened) return;
  const none = element("method").hidden ? "proposal_none" : "proposal_none_so";
  const text = { waiting: say("proposal_waiting"), none: say(none), there: "" }[opened.proposalState];
  for (const name of ["proposal", "difference"]) {
    element(`pane-${name}`).querySelector(".pane-note").textContent = text;
  }
}

/** What the mask in view is, beside the label of the dataset. @param {App} app */
function showMaskState(app) {
  const row = app.opened?.row;
  if (!row) return;
  const state = app.painted.has(row.id) ? "mask_unsaved" : waitingFor(app.outbox, row.id) ? "saving_this"
    : row.decision === "relabel" ? "mask_saved" : "mask_as_label";
  element("mask-state").textContent = say(state);
}

let patience = 0;

/** A photo that is there at once needs no word; a slow one gets one. @param {App} app */
function showLoading(app) {
  clearTimeout(patience);
  patience = window.setTimeout(() => {
    if (app.opened?.row !== app.at) element("panes").dataset.loading = "true";
  }, 120);
}

/** @param {App} app @param {Error} [error] */
function showOpened(app, error) {
  element("panes").dataset.loading = "false";
  element("panes").dataset.sample = app.opened?.row.id ?? "";
  element("pane-mask").querySelector(".pane-note").textContent =
    error ? say("photo_unreachable", { error: error.message }) : "";
  if (error) element("panes").dataset.loading = "true";
}
