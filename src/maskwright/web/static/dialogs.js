// @ts-check
/**
 * The help sheet with every key, and the question that two decisions on one photo raise.
 *
 * @typedef {import("./app.js").App} App
 */

import { element, make, on, tell } from "./app.js";
import { fromBase64 } from "./bytes.js";
import { rowOf, takeMine, takeTheirs } from "./deciding.js";
import { ACTIONS, keySigns } from "./keys.js";
import { moment, say } from "./sentences.js";
import { askMask, askPhoto } from "./server.js";
import { classTints, drawTint } from "./tint.js";
import { fitting } from "./viewport.js";

const PREVIEW_PX = 240, CLASS = /^class_\d$/;
const MOUSE = ["wheel", "middle", "space_drag", "fingers", "right", "shift"];

/** @param {App} app */
export function mountDialogs(app) {
  fillHelp();
  on(app, ["saving"], () => { if (app.conflicts.length && !openDialog()) void showConflict(app); });
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => { if (event.target === dialog && dialog.id === "help") dialog.close(); });
  }
}

/** The dialog that is open. @returns {HTMLDialogElement|null} */
export function openDialog() {
  return document.querySelector("dialog[open]");
}

/** Show the help sheet, or put it away. */
export function toggleHelp() {
  const help = /** @type {HTMLDialogElement} */ (element("help"));
  if (help.open) help.close();
  else help.showModal();
}

function fillHelp() {
  const groups = [...new Set(ACTIONS.map((action) => action.group))];
  const sections = groups.map((group) => make("section", { "data-group": group }, make("h3", {}, say(`group_${group}`)),
    make("dl", {}, ...linesOf(group))));
  const mouse = make("section", {}, make("h3", {}, say("group_mouse")), make("dl", {}, ...MOUSE.flatMap((id) => [
    make("dt", {}, say(`mouse_${id}`)), make("dd", {}, say(`mouse_${id}_does`))])));
  element("help-body").append(...sections, mouse);
}

/** @param {string} group */
function linesOf(group) {
  const classes = ACTIONS.filter((action) => CLASS.test(action.id));
  return ACTIONS.filter((action) => action.group === group).flatMap((action) => {
    if (action === classes[0]) return line(classes.map((one) => one.id).join(" "), signs("0"), " – ", signs("9"), say("act_class"));
    if (classes.includes(action)) return [];
    const keys = keySigns(action).flatMap((sign, place) => [...(place ? [" / "] : []), signs(sign)]);
    return line(action.id, ...keys, say(`act_${action.id}`));
  });
}

/** A line of the sheet: keys, then what they do. @param {string} ids @param {(Node|string)[]} parts */
function line(ids, ...parts) {
  return [make("dt", { "data-action": ids }, ...parts.slice(0, -1)), make("dd", {}, parts[parts.length - 1])];
}

/** Keys that are pressed together. @param {string} sign */
function signs(sign) {
  return make("span", {}, ...sign.split(" ").flatMap((part) => [make("kbd", {}, part), " "]));
}

/** Ask about the first conflict. @param {App} app */
async function showConflict(app) {
  const conflict = app.conflicts[0], row = rowOf(app, conflict.message.sample), dialog = element("conflict");
  if (!row) return;
  const { message, current } = conflict, decision = current.decision;
  element("conflict-text").textContent = say("conflict_text", { id: row.id });
  describe("mine", message.action, say("you"), "", message.note);
  describe("theirs", decision?.action ?? "clear", decision?.who ?? "", decision?.when ?? "", decision?.note ?? "");
  dialog.showModal();
  const [photo, mask] = await Promise.all([askPhoto(row.index), askMask(row.index)]).catch(() => []);
  if (!photo || !mask) return;
  preview(app, "mine", photo, message.mask ? fromBase64(message.mask) : mask);
  preview(app, "theirs", photo, mask);
}

/** Say which of the two decisions stands. @param {App} app @param {boolean} [theirs] */
export function answerConflict(app, theirs = false) {
  const dialog = openDialog();
  if (dialog?.id !== "conflict") return;
  if (theirs) takeTheirs(app, app.conflicts[0]);
  else takeMine(app, app.conflicts[0]);
  dialog.close();
  tell(app, "saving"); // there may be another one
}

/** @param {string} side @param {string} action @param {string} who @param {string} when @param {string} note */
function describe(side, action, who, when, note) {
  const name = action === "clear" ? "cleared" : action;
  element(`${side}-decision`).textContent = say(`decision_${name}`);
  element(`${side}-who`).textContent = when ? say("by", { who, when: moment(when) }) : who;
  element(`${side}-note`).textContent = note;
}

/** @param {App} app @param {string} side @param {ImageBitmap} photo @param {Uint8Array} mask */
function preview(app, side, photo, mask) {
  const { width, height } = photo, size = { width: PREVIEW_PX, height: PREVIEW_PX };
  const view = fitting(photo, size), tints = classTints(app.queue.classes, app.queue.ignore, 0.45, false);
  const below = element(`${side}-photo`), above = element(`${side}-mask`);
  for (const canvas of [below, above]) Object.assign(canvas, size);
  below.getContext("2d").drawImage(photo, -view.x * view.scale, -view.y * view.scale, width * view.scale, height * view.scale);
  drawTint(above.getContext("2d"), mask, width, height, view, 1, tints, { x0: 0, y0: 0, x1: PREVIEW_PX, y1: PREVIEW_PX });
}
