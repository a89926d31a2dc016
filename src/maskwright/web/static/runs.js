// @ts-check
/** The page of runs: asks for the table, puts the parts together, follows what trains. */

import { element, make, on, tell } from "./app.js";
import { mountCurves } from "./runs_curves.js";
import { mountPhotos } from "./runs_photos.js";
import { swatch, mountRecipes } from "./runs_recipes.js";
import { askTable, worded } from "./runs_server.js";
import { chosenRuns, colourOf, newApp, only, showTab, TABS, toggle } from "./runs_state.js";
import { archive, dismiss, editIn, mountTable, runAt, step, take } from "./runs_table.js";
import { mountVerdict } from "./runs_verdict.js";
import { mountZoom } from "./runs_zoom.js";
import { LANG, say } from "./sentences.js";

/** @typedef {import("./runs_state.js").RunsApp} RunsApp */

const BUSY_MS = 3000, CALM_MS = 10_000, RARE_MS = 30_000, TOAST_MS = 4000;
const FEW = 100; // runs of which the whole list is asked for more often

/** What keys do, in the order of the help sheet. @type {{id: string, keys: string[], signs: string, does: (app: RunsApp, event: KeyboardEvent) => void}[]} */
const ACTIONS = [
  { id: "move", keys: ["ArrowDown", "ArrowUp", "KeyJ", "KeyK"], signs: "↓ ↑", does: (app, event) => step(["ArrowDown", "KeyJ"].includes(event.code) ? 1 : -1) },
  { id: "toggle", keys: ["Space"], signs: "Space", does: (app) => { const run = runAt(app); if (run) toggle(app, run.name); } },
  { id: "only", keys: ["Enter"], signs: "Enter", does: (app) => { const run = runAt(app); if (run) only(app, run.name); } },
  { id: "none", keys: ["Escape"], signs: "Esc", does: (app) => only(app) },
  { id: "tab", keys: ["Digit1", "Digit2", "Digit3", "Digit4"], signs: "1 2 3 4", does: (app, event) => showTab(app, TABS[Number(event.code.slice(5)) - 1]) },
  { id: "wide", keys: ["KeyW"], signs: "W", does: toggleWide },
  { id: "search", keys: ["Slash", "KeyS"], signs: "S", does: () => element("search").focus() },
  { id: "tags", keys: ["KeyT"], signs: "T", does: (app) => { const run = runAt(app); if (run) editIn(app, run, "tags"); } },
  { id: "note", keys: ["KeyN"], signs: "N", does: (app) => { const run = runAt(app); if (run) editIn(app, run, "note"); } },
  { id: "archive", keys: ["KeyA"], signs: "A", does: (app) => { const run = runAt(app); if (run) void archive(app, run); } },
  { id: "theme", keys: ["Shift+KeyD"], signs: "Shift D", does: toggleTheme },
  { id: "language", keys: ["Shift+KeyL"], signs: "Shift L", does: switchLanguage },
];

async function start() {
  const app = newApp();
  mountTable(app);
  mountLook(app);
  for (const mount of [mountCurves, mountRecipes, mountPhotos, mountVerdict]) mount(app);
  mountZoom();
  mountTips();
  mountActions(app);
  on(app, ["toast"], showToast);
  on(app, ["trouble"], (text) => showBanner(text));
  await refresh(app);
  document.body.dataset.ready = "true";
  const again = async () => {
    const names = followed(app), due = Date.now() - wholeAt > (app.runs.length > FEW ? RARE_MS : CALM_MS);
    if (document.visibilityState === "visible" && (due || names.length)) await refresh(app, due ? [] : names);
    setTimeout(again, BUSY_MS);
  };
  setTimeout(again, BUSY_MS);
}

let unanswered = false, wholeAt = 0; // when all runs were asked for

/** The runs that change soon, and those that are looked at. @param {RunsApp} app */
function followed(app) {
  const training = app.runs.filter((run) => run.status === "training").map((run) => run.name);
  return [...new Set([...training, ...app.resuming, ...chosenRuns(app).map((run) => run.name)])];
}

/** Ask for the table. @param {RunsApp} app @param {string[]} [names] of the runs; none for all */
async function refresh(app, names = []) {
  try {
    const first = !app.loaded, value = await askTable(names);
    if (value.whole) wholeAt = Date.now();
    else if (value.runs.length < names.length) wholeAt = 0; // one is gone
    take(app, value);
    if (first) tell(app, "chosen");
    if (unanswered) showBanner("");
    unanswered = false;
  } catch (error) {
    unanswered = true;
    showBanner(worded(error));
  }
}

/** The part below the table: tabs, and the chosen runs. @param {RunsApp} app */
function mountLook(app) {
  for (const tab of document.querySelectorAll("[data-tab]")) {
    tab.addEventListener("click", () => showTab(app, /** @type {any} */ (/** @type {HTMLElement} */ (tab).dataset.tab)));
    tab.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[/** @type {KeyboardEvent} */ (event).code];
      if (!by) return;
      showTab(app, TABS[(TABS.indexOf(app.tab) + by + TABS.length) % TABS.length]);
      element(`tab-${app.tab}`).focus();
    });
  }
  const show = () => {
    const runs = chosenRuns(app);
    element("look").hidden = !runs.length;
    document.body.toggleAttribute("data-looking", runs.length > 0);
    if (!runs.length) setWide(false);
    for (const tab of TABS) {
      element(`panel-${tab}`).hidden = app.tab !== tab;
      element(`tab-${tab}`).setAttribute("aria-selected", String(app.tab === tab));
      element(`tab-${tab}`).tabIndex = app.tab === tab ? 0 : -1;
    }
    element("chips").replaceChildren(...runs.map((run) => chip(app, run.name)));
  };
  on(app, ["chosen", "tab"], show);
  on(app, ["table", "chosen"], () => showTroubles(app));
}

/** @param {RunsApp} app @param {string} name */
function chip(app, name) {
  const drop = make("button", { type: "button", "aria-label": say("act_drop", { name }) }, "×");
  drop.addEventListener("click", () => toggle(app, name));
  return make("span", { class: "chip", title: name }, swatch(colourOf(app, name)), make("span", {}, name), drop);
}

/** What is wrong with the chosen runs, and why one did not go on. @param {RunsApp} app */
function showTroubles(app) {
  const place = element("troubles"), told = chosenRuns(app).flatMap(({ name, trouble }) => [
    ...(name in app.troubles ? [{ name, text: `${say("resume_failed", { name })}\n${app.troubles[name]}` }] : []),
    ...(trouble ? [{ name: "", text: trouble }] : [])]);
  if (place.dataset.told === JSON.stringify(told)) return;
  place.dataset.told = JSON.stringify(told);
  place.replaceChildren(...told.map(({ name, text }) => {
    const close = make("button", { type: "button", "aria-label": say("close"), title: say("close") }, "×");
    close.addEventListener("click", () => void dismiss(app, name));
    return make("div", { class: "refusal" }, make("span", {}, text), ...(name ? [close] : []));
  }));
}

/** @param {RunsApp} app */
function mountActions(app) {
  const clicks = {
    language: () => switchLanguage(), theme: () => toggleTheme(), help: () => element("help").showModal(), dismiss: () => showBanner(""),
    wide: () => toggleWide(),
  };
  for (const button of document.querySelectorAll("[data-act]")) {
    button.addEventListener("click", () => clicks[/** @type {keyof clicks} */ (/** @type {HTMLElement} */ (button).dataset.act)]());
  }
  element("help-body").append(...ACTIONS.flatMap((action) => [
    make("dt", {}, ...action.signs.split(" ").flatMap((sign) => [make("kbd", {}, sign), " "])), make("dd", {}, say(`key_${action.id}`))]));
  element("help").addEventListener("click", (/** @type {Event} */ event) => { if (event.target === element("help")) element("help").close(); });
  document.addEventListener("keydown", (event) => keyDown(app, event));
}

/** @param {RunsApp} app @param {KeyboardEvent} event */
function keyDown(app, event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.matches("input:not([type=checkbox]):not([type=radio]), textarea, select")) {
    if (event.code === "Escape" || (event.code === "Enter" && target.id === "search")) target.blur();
    return;
  }
  if (event.key === "?") return element("help").showModal();
  if (target.matches("button, a, input, summary") && ["Space", "Enter"].includes(event.code)) return;
  if (target.matches("input[type=radio], [role=tab]") && event.code.startsWith("Arrow")) return;
  const pressed = `${event.shiftKey ? "Shift+" : ""}${event.code}`, action = ACTIONS.find((each) => each.keys.includes(pressed));
  if (!action) return;
  event.preventDefault();
  action.does(app, event);
}

function toggleWide() {
  setWide(!document.body.hasAttribute("data-wide") && !element("look").hidden);
}

/** Give the table's room to what was chosen, or back. @param {boolean} wide */
function setWide(wide) {
  document.body.toggleAttribute("data-wide", wide);
  element("wide").setAttribute("aria-pressed", String(wide));
}

function toggleTheme() {
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = (root.dataset.theme ?? (dark ? "dark" : "light")) === "dark" ? "light" : "dark";
  localStorage.setItem("maskwright-theme", root.dataset.theme);
}

function switchLanguage() {
  location.replace(`${location.pathname}?lang=${LANG === "en" ? "ru" : "en"}${location.hash}`);
}

let fading = 0;

/** @param {string} text */
function showToast(text) {
  element("toast").textContent = text;
  element("toast").dataset.shown = "true";
  clearTimeout(fading);
  fading = window.setTimeout(() => (element("toast").dataset.shown = "false"), TOAST_MS);
}

/** @param {string} text "" for none */
function showBanner(text) {
  element("banner").hidden = !text;
  element("banner-text").textContent = text;
}

/** Explain what has something to explain, beside it. */
function mountTips() {
  const tip = element("tip"), hide = () => { tip.hidden = true; };
  const show = (/** @type {Event} */ event) => {
    const word = event.target instanceof Element && event.target.closest("[data-tip]");
    if (!(word instanceof HTMLElement) || !word.dataset.tip) return;
    tip.textContent = word.dataset.tip;
    tip.hidden = false;
    const box = word.getBoundingClientRect(), below = box.bottom + 8 + tip.offsetHeight < innerHeight;
    tip.style.left = `${Math.min(Math.max(8, box.left), document.documentElement.clientWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${below ? box.bottom + 6 : box.top - 6 - tip.offsetHeight}px`;
  };
  for (const name of ["mouseover", "focusin"]) document.addEventListener(name, show);
  for (const name of ["mouseout", "focusout"]) document.addEventListener(name, hide);
  document.addEventListener("scroll", hide, { passive: true, capture: true });
}

void start();
