// @ts-check
/**
 * Edits of the whole mask, or of what is selected: smooth, fill holes, take a proposal, GrabCut.
 *
 * @typedef {import("./app.js").App} App
 * @typedef {import("./app.js").Opened} Opened
 * @typedef {import("./geometry.js").Rect} Rect
 */

import { tell, toast } from "./app.js";
import { toBase64 } from "./bytes.js";
import { fetchLabel, fetchProposal } from "./opening.js";
import { begin, commit, paintFrom, paintRegion, whole } from "./painting.js";
import { smoothed, withoutHoles } from "./regions.js";
import { say } from "./sentences.js";
import { propose } from "./server.js";

const SMOOTHING_PX = 2; // rounds single steps of a contour and leaves an ear or a tail of five pixels; press again for more

/**
 * Make an edit of the mask in view that can be undone.
 *
 * @param {App} app
 * @param {string} what the action's name
 * @param {(opened: Opened) => void} paint
 * @returns {boolean} whether anything changed
 */
export function edit(app, what, paint) {
  const opened = app.opened;
  if (!opened || opened.row !== app.at) return false;
  begin(opened.work.painting);
  paint(opened);
  return finish(app, what);
}

/** End the edit that is open. @param {App} app @param {string} what */
export function finish(app, what) {
  const opened = app.opened;
  const rect = opened && commit(opened.work.painting, what);
  if (rect) changed(app, rect);
  return rect !== null;
}

/** The mask is another one now. @param {App} app @param {Rect} rect */
export function changed(app, rect) {
  app.armed = null;
  tell(app, "mask", { rect, edited: true });
}

/** Put other pixels in place of the mask's, inside of the selection where there is one. */
function pour(/** @type {App} */ app, /** @type {string} */ what, /** @type {Uint8Array} */ source) {
  const done = edit(app, what, ({ work }) => {
    paintFrom(work.painting, source, work.selection?.rect ?? whole(work.painting), work.selection?.inside ?? null);
  });
  toast(app, done ? say(`did_${what}`) : say("nothing_changed"));
}

/** @param {App} app */
export function smooth(app) {
  const painting = app.opened?.work.painting;
  if (painting) pour(app, "smooth", smoothed(painting.mask, painting.width, painting.height, SMOOTHING_PX, app.queue.ignore));
}

/** @param {App} app */
export function fillHoles(app) {
  const painting = app.opened?.work.painting;
  if (painting) pour(app, "fill_holes", withoutHoles(painting.mask, painting.width, painting.height));
}

/** Take the proposal, whole or inside of the selection. @param {App} app */
export async function take(app) {
  const before = app.opened;
  if (before && !before.proposal && before.proposalState === "none") await fetchProposal(app, true);
  const opened = app.opened;
  if (!opened || opened.row !== before?.row) return;
  if (opened.proposal) pour(app, "take", opened.proposal);
  else toast(app, say(opened.proposalState === "waiting" ? "proposal_waiting" : "proposal_none"));
}

/** Back to the dataset's own mask. @param {App} app */
export async function original(app) {
  const row = app.opened?.row, mask = await fetchLabel(app);
  if (app.opened?.row !== row) return;
  if (mask) pour(app, "original", mask);
  else toast(app, say("no_answer"));
}

/** Give the selection a class. @param {App} app @param {number} id @param {string} what */
export function fillSelection(app, id, what) {
  const selection = app.opened?.work.selection;
  if (!selection) return toast(app, say("no_selection"));
  edit(app, what, ({ work }) => paintRegion(work.painting, selection, id));
  select(app, null);
}

/** @param {App} app @param {import("./app.js").Selection|null} selection */
export function select(app, selection) {
  if (!app.opened) return;
  app.opened.work.selection = selection;
  tell(app, "marks");
  tell(app, "settings");
}

/**
 * Have an object cut out by the server, and take what it answers as an edit.
 *
 * @param {App} app
 * @param {"grabcut"|"sam"} method
 * @param {{box?: Rect|null, points?: [number, number, number][]}} hints from the present mask where there are none
 * @returns {Promise<boolean>} whether an answer came
 */
export async function cutOut(app, method, { box = null, points = [] }) {
  const opened = app.opened;
  if (!opened) return false;
  if (!app.queue.proposals.includes(method)) return toast(app, say("method_missing")), false;
  const { mask } = opened.work.painting, id = app.settings.classId;
  if (!box && !points.length && !mask.includes(id)) return toast(app, say("grabcut_no_seed")), false;
  toast(app, say("working"));
  const box_xywh = box && [box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0];
  const answer = await propose(opened.row.index, { method, class_id: id, box_xywh, points, mask: toBase64(mask) })
    .catch((/** @type {Error} */ error) => error);
  if (app.opened?.row !== opened.row) return false;
  if (!(answer instanceof Uint8Array)) return toast(app, answer.message || say("no_answer")), false;
  pour(app, method, answer);
  return true;
}
