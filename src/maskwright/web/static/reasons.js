// @ts-check
/**
 * The right side: what is wrong with the photo, the decision, its cost, its history.
 *
 * @typedef {import("./app.js").App} App
 * @typedef {import("./server.js").SampleFacts} SampleFacts
 */

import { element, icon, make, on, tell } from "./app.js";
import { touchDraft } from "./opening.js";
import { waitingFor } from "./outbox.js";
import { checkName } from "./queuelist.js";
import { hundredths, moment, say } from "./sentences.js";
import { lookAt } from "./stage.js";

/** @param {App} app */
export function mountReasons(app) {
  on(app, ["at"], () => showPlace(app));
  on(app, ["opened"], (error) => (error ? showError(error) : showAll(app)));
  on(app, ["rows", "saving"], () => showDecision(app));
  const note = element("note");
  note.addEventListener("input", () => {
    if (!app.opened) return;
    app.opened.work.note = note.value;
    touchDraft(app);
  });
}

/** @param {App} app */
function showPlace(app) {
  const at = app.at;
  if (!at) return;
  element("sample-id").textContent = at.id;
  element("sample-id").title = at.id;
  const size = say("size", { width: at.size_hw[1], height: at.size_hw[0] });
  element("sample-facts").textContent = [at.split, size].filter(Boolean).join(" · ");
  showDecision(app);
}

/** @param {Error} error */
function showError(error) {
  element("reason-list").replaceChildren(make("li", { class: "calm" }, say("photo_unreachable", { error: error.message })));
}

/** @param {App} app */
function showAll(app) {
  const opened = app.opened;
  if (!opened) return;
  showPlace(app);
  showFindings(app, opened.facts);
  showCost(app, opened.facts);
  showHistory(opened.facts);
  const note = element("note");
  if (document.activeElement !== note) note.value = opened.work.note;
}

/** @param {App} app @param {SampleFacts} facts */
function showFindings(app, facts) {
  const items = facts.findings.map((finding, place) => {
    const meter = make("i", { class: "meter" });
    meter.style.setProperty("--share", String(finding.severity));
    const head = make("span", { class: "reason-head" }, make("b", {}, checkName(app, finding.check)), meter);
    const inside = [head, make("span", { class: "reason-text" }, withoutFile(finding.sentence, facts))];
    if (!finding.region_xywh) return make("li", {}, make("div", { class: "reason" }, ...inside));
    const button = make("button", { class: "reason", type: "button", title: say("act_evidence") }, ...inside);
    button.addEventListener("click", () => showEvidence(app, place));
    return make("li", {}, button);
  });
  if (facts.changed) items.unshift(make("li", { class: "calm" }, say("changed_since")));
  element("reason-list").replaceChildren(...(items.length ? items : [make("li", { class: "calm" }, say("no_findings"))]));
}

/** A sentence without the name of the very file that is in view. @param {string} sentence @param {SampleFacts} facts */
function withoutFile(sentence, facts) {
  const file = [facts.mask_file, facts.image_file].find((one) => one && sentence.startsWith(`${one}: `));
  if (!file) return sentence;
  const rest = sentence.slice(file.length + 2);
  return rest[0].toUpperCase() + rest.slice(1);
}

/** Zoom to the region of a reason. @param {App} app @param {number} place */
export function showEvidence(app, place) {
  const region = app.opened?.facts.findings[place]?.region_xywh;
  if (!region) return;
  app.finding = place;
  const [x, y, width, height] = region;
  lookAt(app, { x0: x, y0: y, x1: x + width, y1: y + height });
  tell(app, "marks");
}

/** Zoom to the next reason that has a region. @param {App} app */
export function nextEvidence(app) {
  const findings = app.opened?.facts.findings ?? [];
  for (let step = 1; step <= findings.length; step++) {
    const place = (app.finding + step + findings.length) % findings.length;
    if (findings[place].region_xywh) return showEvidence(app, place);
  }
}

/** @param {App} app */
function showDecision(app) {
  const row = app.at;
  if (!row) return;
  for (const action of ["keep", "exclude", "relabel"]) {
    element(`do-${action}`).setAttribute("aria-pressed", String(row.decision === action));
  }
  const waiting = waitingFor(app.outbox, row.id) !== null;
  const state = element("decision-state");
  state.dataset.state = waiting ? "waiting" : row.decision ? "saved" : "none";
  const decided = app.opened?.row === row ? app.opened.facts.decision : null;
  state.textContent = waiting ? say("saving_this") : !row.decision ? say("undecided_yet")
    : decided && decided.action === row.decision
      ? say("saved_by", { who: decided.who, when: moment(decided.when) }) : say("saved");
  element("do-withdraw").hidden = row.decision === null;
}

/** @param {App} app @param {SampleFacts} facts */
function showCost(app, facts) {
  const cost = facts.cost, body = element("cost-body");
  element("cost").hidden = !cost;
  if (!cost) return;
  body.replaceChildren(...app.queue.classes.map((one, place) => {
    const swatch = make("i", { class: "swatch" });
    swatch.style.background = `rgb(${one.rgb.join(",")})`;
    const change = cost.after[place] - cost.before[place];
    const trend = Math.abs(change) < 0.00005 ? "same" : change > 0 ? "up" : "down";
    return make("tr", { "data-trend": trend },
      make("th", { scope: "row" }, swatch, one.name),
      make("td", {}, hundredths(cost.before[place])), make("td", {}, hundredths(cost.after[place])),
      make("td", {}, String(cost.images_before[place])), make("td", {}, String(cost.images_after[place])));
  }));
}

/** @param {SampleFacts} facts */
function showHistory(facts) {
  const list = element("history-list");
  element("history").hidden = facts.history.length === 0;
  list.replaceChildren(...[...facts.history].reverse().map((one) => make("li", {},
    icon(one.action === "clear" ? "withdraw" : one.action),
    make("span", {}, make("b", {}, say(`decision_${one.action === "clear" ? "cleared" : one.action}`)),
      make("small", {}, ` ${say("by", { who: one.who, when: moment(one.when) })}`),
      ...(one.note ? [make("q", {}, one.note)] : [])))));
}
