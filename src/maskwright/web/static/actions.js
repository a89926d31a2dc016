// @ts-check
/**
 * What each action of the key table does.
 *
 * @typedef {import("./app.js").App} App
 */

import { element, on, tell, toast } from "./app.js";
import { decide, goOn, redoAny, undoAny } from "./deciding.js";
import { answerConflict, openDialog, toggleHelp } from "./dialogs.js";
import { cutOut, fillHoles, fillSelection, original, select, smooth, take } from "./editing.js";
import { actionOf, isTyping } from "./keys.js";
import { fetchLabel, fetchProposal, goTo, saveDraftNow } from "./opening.js";
import { retry } from "./outbox.js";
import { isBusy, letGo, spaceDown, spaceUp } from "./pointing.js";
import { clearFilters } from "./queuelist.js";
import { nextEvidence } from "./reasons.js";
import { LANG, say } from "./sentences.js";
import { actualSize, fit, panBy, pointer, zoomBy } from "./stage.js";
import { change, changeSize, setClass, typeClass } from "./toolbar.js";
import { cancelWork, closePolygon, cornerBack, pick, resetWork } from "./toolset.js";

const PAN_PX = 80, ZOOM = 1.35, FAINTER = 0.1;
const WHILE_PAINTING = new Set(["smaller", "larger", "hide", "zoom_in", "zoom_out", "cancel", "fainter", "stronger"]);
const IN_DIALOGS = new Set(["help", "take_mine", "take_theirs"]);

/** @type {Record<string, (app: App) => unknown>} */
export const DOES = {
  keep: (app) => decide(app, "keep"),
  exclude: (app) => decide(app, "exclude"),
  relabel: (app) => decide(app, "relabel"),
  withdraw: (app) => decide(app, "clear"),
  note: () => element("note").focus(),
  undo: undoAny,
  redo: redoAny,
  retry: (app) => retry(app.outbox),
  dismiss: (app) => { app.refused = ""; tell(app, "saving"); },
  take_mine: (app) => answerConflict(app),
  take_theirs: (app) => answerConflict(app, true),

  next: (app) => step(app, 1),
  previous: (app) => step(app, -1),
  next_undecided: (app) => app.at && goOn(app, app.at),
  ten_on: (app) => step(app, 10),
  ten_back: (app) => step(app, -10),
  first: (app) => goTo(app, app.shown[0]),
  last: (app) => goTo(app, app.shown[app.shown.length - 1]),
  search: () => element("search").focus(),
  filter_check: () => element("filter-check").focus(),
  filter_class: () => element("filter-class").focus(),
  filter_split: () => element("filter-split").focus(),
  filter_decision: () => element("filter-decision").focus(),
  clear_filters: clearFilters,

  hide: (app) => change(app, { hidden: !app.settings.hidden }),
  compare: toggleCompare,
  method: nextMethod,
  evidence: nextEvidence,
  zoom_in: (app) => zoomBy(app, ZOOM),
  zoom_out: (app) => zoomBy(app, 1 / ZOOM),
  fit,
  actual_size: actualSize,
  pan_left: (app) => panBy(app, PAN_PX, 0),
  pan_right: (app) => panBy(app, -PAN_PX, 0),
  pan_up: (app) => panBy(app, 0, PAN_PX),
  pan_down: (app) => panBy(app, 0, -PAN_PX),
  fainter: (app) => changeOpacity(app, -FAINTER),
  stronger: (app) => changeOpacity(app, FAINTER),
  outline: (app) => change(app, { outline: !app.settings.outline }),

  look: (app) => choose(app, "look"),
  brush: (app) => choose(app, "brush"),
  eraser: (app) => choose(app, "eraser"),
  polygon: (app) => choose(app, "polygon"),
  lasso: (app) => choose(app, "lasso"),
  flood: (app) => choose(app, "flood"),
  component: (app) => choose(app, "component"),
  superpixel: (app) => choose(app, "superpixel"),
  grabcut: (app) => (app.settings.tool === "grabcut" ? cutOut(app, "grabcut", {}) : choose(app, "grabcut")),
  points: (app) => (app.queue.proposals.includes("sam") ? choose(app, "points") : toast(app, say("sam_missing", { ways: app.queue.to_get.sam }))),
  smaller: (app) => changeSize(app, -1),
  larger: (app) => changeSize(app, 1),
  ...Object.fromEntries(Array.from({ length: 10 }, (_, id) => [`class_${id}`, (/** @type {App} */ app) => typeClass(app, id)])),
  class_ignore: (app) => setClass(app, app.queue.ignore),
  pick: (app) => { const at = pointer(); if (at) pick(app, at); },

  take,
  smooth,
  fill_holes: fillHoles,
  fill_selection: (app) => closePolygon(app) || fillSelection(app, app.settings.classId, "fill_selection"),
  clear_selection: (app) => fillSelection(app, 0, "clear_selection"),
  corner_back: cornerBack,
  cancel: (app) => cancelWork(app) || select(app, null),
  original,

  help: toggleHelp,
  panels: () => document.body.toggleAttribute("data-wide"),
  theme: toggleTheme,
  language: switchLanguage,
};

/** Do an action by its name. @param {App} app @param {string} id */
export function act(app, id) {
  if (isBusy() && !WHILE_PAINTING.has(id)) return;
  DOES[id](app);
}

/** Listen to the keyboard. @param {App} app */
export function mountKeys(app) {
  document.addEventListener("keydown", (event) => keyDown(app, event));
  document.addEventListener("keyup", (event) => {
    if (event.code === "Space" && spaceUp(app)) act(app, "hide");
  });
  window.addEventListener("blur", () => letGo(app));
  on(app, ["at"], () => resetWork(app));
  window.addEventListener("pagehide", () => saveDraftNow(app));
  document.addEventListener("visibilitychange", () => saveDraftNow(app));
}

/** @param {App} app @param {KeyboardEvent} event */
function keyDown(app, event) {
  if (isTyping(event.target)) return leaveField(event);
  const action = actionOf(event);
  if (!action || (openDialog() && !IN_DIALOGS.has(action.id))) return;
  if (isOnControl(event)) return;
  event.preventDefault();
  if (action.id === "hide") return spaceDown(app);
  if (!event.repeat || action.held) act(app, action.id);
}

/** Escape and Enter leave a field, a note of several lines only Escape and Ctrl+Enter. @param {KeyboardEvent} event */
function leaveField(event) {
  const field = /** @type {HTMLElement} */ (event.target), lines = field.matches("textarea") && !event.ctrlKey && !event.metaKey;
  if (event.key !== "Escape" && (event.key !== "Enter" || lines)) return;
  event.preventDefault();
  field.blur();
}

/** Space and enter press the button that has the focus; arrows move the slider that has it. @param {KeyboardEvent} event */
function isOnControl(event) {
  if (!(event.target instanceof HTMLElement)) return false;
  if (event.target.matches("input[type=range]")) return /^(Arrow|Page|Home|End)/.test(event.code);
  return event.target.matches("button, a, summary") && ["Space", "Enter"].includes(event.code);
}

/** @param {App} app @param {number} by */
function step(app, by) {
  const place = app.at ? app.shown.indexOf(app.at) : -1;
  const next = Math.max(0, Math.min(app.shown.length - 1, place + by));
  if (app.shown[next] !== app.at) void goTo(app, app.shown[next]);
}

/** @param {App} app @param {string} tool */
function choose(app, tool) {
  resetWork(app);
  change(app, { tool, hidden: false });
}

/** @param {App} app @param {number} by */
function changeOpacity(app, by) {
  change(app, { opacity: Math.max(0, Math.min(1, Math.round(10 * (app.settings.opacity + by)) / 10)) });
}

/** The next way to a proposal. @param {App} app */
function nextMethod(app) {
  const methods = [...element("method").options].map((/** @type {HTMLOptionElement} */ option) => option.value);
  const next = methods[(methods.indexOf(app.settings.method) + 1) % methods.length];
  element("method").value = next;
  change(app, { method: next });
  void fetchProposal(app);
}

/** @param {App} app */
function toggleCompare(app) {
  change(app, { compare: !app.settings.compare });
  if (!app.settings.compare) return;
  void fetchLabel(app);
  if (!app.opened?.proposal) void fetchProposal(app);
}

function toggleTheme() {
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = (root.dataset.theme ?? (dark ? "dark" : "light")) === "dark" ? "light" : "dark";
  localStorage.setItem("maskwright-theme", root.dataset.theme);
}

/** @param {App} app */
function switchLanguage(app) {
  saveDraftNow(app);
  location.search = new URLSearchParams({ lang: LANG === "en" ? "ru" : "en", ...(app.at ? { sample: app.at.id } : {}) }).toString();
}

