// @ts-check
/**
 * Everything that has a key, for the mouse too: tools, classes, sliders, decision buttons.
 *
 * @typedef {import("./app.js").App} App
 */

import { element, icon, make, on } from "./app.js";
import { keySign } from "./keys.js";
import { say } from "./sentences.js";
import { zoom } from "./stage.js";
import { isClear } from "./tint.js";

const TOOL_GROUPS = [
  ["look", "brush", "eraser", "polygon", "lasso", "flood", "component", "superpixel", "grabcut", "points"],
  ["smooth", "fill_holes", "take", "original"],
  ["undo", "redo"],
];
const VIEW_BUTTONS = ["hide", "outline", "compare"];
const CORNER_BUTTONS = ["zoom_out", "zoom_in", "fit"];

/** @param {App} app @param {(id: string) => void} act does an action by its name */
export function mountToolbar(app, act) {
  const groups = TOOL_GROUPS.map((group) => make("div", { class: "tool-group", role: "group" },
    ...group.map((id) => button(id, act))));
  element("tools").append(...groups);
  element("act-points").toggleAttribute("data-missing", !app.queue.proposals.includes("sam"));
  element("view-buttons").append(...VIEW_BUTTONS.map((id) => button(id, act)));
  element("zoom-buttons").prepend(...CORNER_BUTTONS.map((id) => button(id, act)));
  mountClasses(app);
  mountSliders(app);
  for (const named of document.querySelectorAll("[data-act]")) adopt(/** @type {HTMLElement} */ (named), act);
  on(app, ["settings", "opened", "at"], () => showSettings(app));
  on(app, ["view", "opened"], () => showZoom());
  showSettings(app);
}

/** @param {string} id @param {(id: string) => void} act */
function button(id, act) {
  const made = make("button", { type: "button", class: "tool", id: `act-${id}`, "data-act": id }, icon(id));
  made.setAttribute("aria-label", say(`act_${id}`));
  return adopt(made, act);
}

/** A button gets its tooltip and does its action; the focus goes back, so that space and enter keep their meaning. */
function adopt(/** @type {HTMLElement} */ made, /** @type {(id: string) => void} */ act) {
  const id = made.dataset.act ?? "";
  if (made.dataset.adopted) return made;
  made.dataset.adopted = "yes";
  made.title = `${say(`act_${id}`)}  (${keySign(id)})`;
  made.setAttribute("aria-keyshortcuts", keySign(id).replaceAll(" ", "+"));
  made.addEventListener("click", (event) => {
    if (event.detail > 0) made.blur();
    act(id);
  });
  return made;
}

/** @param {App} app */
function mountClasses(app) {
  const chips = app.queue.classes.map((one) => {
    const swatch = make("i", { class: isClear(one) ? "swatch clear" : "swatch" });
    if (!isClear(one)) swatch.style.background = `rgb(${one.rgb.join(",")})`;
    return chip(app, one.id, one.name, String(one.id), swatch);
  });
  chips.push(chip(app, app.queue.ignore, say("ignore"), keySign("class_ignore"), make("i", { class: "swatch ignored" })));
  const strip = element("classes");
  strip.append(...chips);
  strip.addEventListener("wheel", (/** @type {WheelEvent} */ event) => (strip.scrollLeft += event.deltaY), { passive: true });
}

/** @param {App} app @param {number} classId @param {string} name @param {string} sign @param {HTMLElement} swatch */
function chip(app, classId, name, sign, swatch) {
  const made = make("button", { type: "button", class: "chip", role: "radio", "data-class": classId }, swatch,
    make("span", {}, name), make("kbd", {}, sign));
  made.title = say("choose_class", { name });
  made.addEventListener("click", (event) => {
    if (event.detail > 0) made.blur();
    setClass(app, classId);
  });
  return made;
}

/** @param {App} app @param {number} classId */
export function setClass(app, classId) {
  const known = classId === app.queue.ignore || app.queue.classes.some((one) => one.id === classId);
  if (known) change(app, { classId });
}

const TOGETHER_MS = 800; // digits typed within that time are one number
let typed = { id: 0, at: 0 };

/** Choose a class by the digits of its number. @param {App} app @param {number} digit */
export function typeClass(app, digit) {
  const at = performance.now(), joined = 10 * typed.id + digit;
  const goesOn = typed.id > 0 && at - typed.at < TOGETHER_MS && app.queue.classes.some((one) => one.id === joined);
  typed = { id: goesOn ? joined : digit, at };
  setClass(app, typed.id);
}

/** @param {App} app @param {Partial<import("./app.js").Settings>} settings */
export function change(app, settings) {
  Object.assign(app.settings, settings);
  for (const act of app.listeners.get("settings") ?? []) act();
}

/** @param {App} app */
function mountSliders(app) {
  const size = element("size"), opacity = element("opacity");
  size.addEventListener("input", () => change(app, { size: sizeAt(Number(size.value)) }));
  opacity.addEventListener("input", () => change(app, { opacity: Number(opacity.value) }));
  for (const [slider, keys] of [[size, ["smaller", "larger"]], [opacity, ["fainter", "stronger"]]]) {
    slider.title = `${slider.getAttribute("aria-label")}  (${keys.map(keySign).join(" ")})`;
    slider.addEventListener("change", () => slider.blur());
  }
  element("method").addEventListener("change", () => change(app, { method: element("method").value }));
}

/** Sizes grow by a quarter: 1, 2, 3, 4, 5, 6, 8, 10, ... */
const SIZES = [1];
while (SIZES[SIZES.length - 1] < 1000) {
  SIZES.push(Math.max(SIZES[SIZES.length - 1] + 1, Math.round(SIZES[SIZES.length - 1] * 1.25)));
}

/** @param {number} place of a slider */
function sizeAt(place) {
  return SIZES[Math.max(0, Math.min(SIZES.length - 1, place))];
}

/** The next smaller (-1) or larger (1) brush. @param {App} app @param {number} step */
export function changeSize(app, step) {
  const place = SIZES.findIndex((size) => size >= app.settings.size);
  change(app, { size: sizeAt(place + step) });
}

/** @param {App} app */
function showSettings(app) {
  const { tool, classId, size, opacity, outline, hidden, compare } = app.settings;
  for (const id of TOOL_GROUPS[0]) document.getElementById(`act-${id}`)?.setAttribute("aria-pressed", String(id === tool));
  for (const chip of document.querySelectorAll(".chip")) {
    const chosen = Number(/** @type {HTMLElement} */ (chip).dataset.class) === classId;
    if (chosen && chip.getAttribute("aria-checked") === "false") chip.scrollIntoView({ block: "nearest", inline: "nearest" });
    chip.setAttribute("aria-checked", String(chosen));
  }
  element("act-hide").setAttribute("aria-pressed", String(hidden));
  element("act-outline").setAttribute("aria-pressed", String(outline));
  element("act-compare").setAttribute("aria-pressed", String(compare));
  element("size").value = String(SIZES.findIndex((one) => one >= size));
  element("size-text").textContent = say("px", { n: size });
  element("opacity").value = String(opacity);
  element("pane-mask").dataset.hidden = String(hidden);
  element("hint").textContent = element("hint").title = hint(app);
}

/** What the tool in use wants next. @param {App} app */
function hint(app) {
  const { tool, hidden } = app.settings;
  if (hidden) return say("hint_hidden");
  if (app.opened?.work.selection) return say("hint_selection");
  return say(`hint_${tool}`);
}

function showZoom() {
  element("zoom-text").textContent = `${Math.round(100 * zoom())} %`;
}
