// @ts-check
/**
 * The table of runs: filters, order, columns, choosing, and what is edited in place.
 *
 * @typedef {import("./runs_state.js").RunsApp} RunsApp
 * @typedef {import("./runs_state.js").Run} Run
 */

import { element, make, on, tell } from "./app.js";
import { bestOf, COLUMNS, sorted } from "./runs_columns.js";
import { send, sendLabels, worded } from "./runs_server.js";
import { colourOf, keep, kept, only, runOf, toggle } from "./runs_state.js";
import { count, say } from "./sentences.js";

const FIRST = 30, AT_ONCE = 60; // rows made before the first paint, about a screen; and then, when nothing else is to be done
const STATUSES = ["training", "stopped", "ended", "new", "imported", "damaged"];
const shown = new Set(kept("columns", COLUMNS.filter((column) => column.shown).map((column) => column.id)));
let order = kept("order", { by: "started", falling: true });
let at = ""; // the run that the keyboard is at
let most = FIRST; // rows that there are so far
const whenIdle = window.requestIdleCallback ?? ((/** @type {() => void} */ act) => setTimeout(act, 50)); // Safari has none
/** What each row shows, so that only what changed is made anew. @type {Map<string, {row: HTMLElement, told: string}>} */
const made = new Map();

/** @param {RunsApp} app */
export function mountTable(app) {
  fill("filter-status", ["", ...STATUSES].map((status) => [status, say(status ? `is_${status}` : "any_status")]));
  for (const id of ["search", "filter-status", "filter-tag", "filter-archived"]) {
    element(id).addEventListener("input", () => showTable(app));
  }
  fillColumns(app);
  const body = tableBody();
  body.addEventListener("click", (event) => clicked(app, /** @type {MouseEvent} */ (event)));
  body.addEventListener("focusin", (event) => {
    const row = rowAt(event.target);
    if (row) at = row.dataset.name ?? "";
  });
  on(app, ["table"], () => showTable(app));
  on(app, ["chosen"], () => markChosen(app));
}

/** Move through the rows. @param {number} by */
export function step(by) {
  const rows = [...tableBody().rows], place = rows.findIndex((row) => row.dataset.name === at);
  const next = rows[Math.max(0, Math.min(rows.length - 1, place < 0 ? 0 : place + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

/** The run that the keyboard is at. @param {RunsApp} app */
export function runAt(app) {
  return runOf(app, at);
}

/** The body of the table. @returns {HTMLTableSectionElement} */
function tableBody() {
  return element("rows").querySelector("tbody");
}

/** @param {EventTarget|null} target @returns {HTMLElement|null} */
function rowAt(target) {
  return target instanceof Element ? target.closest("tr") : null;
}

/** @param {RunsApp} app @param {number} [wanted] rows that there are to be at least */
function showTable(app, wanted = most) {
  most = Math.max(most, wanted);
  fillTags(app);
  const runs = sorted(fitting(app), order.by, order.falling), told = { best: bestOf(app.runs), troubles: app.troubles };
  showHead(app);
  const focused = document.activeElement?.closest("tbody tr"), editing = document.activeElement?.matches("tbody input");
  for (const name of made.keys()) if (!runOf(app, name)) made.delete(name);
  const row = (/** @type {Run} */ run) => (editing && run.name === at ? made.get(run.name)?.row : null) ?? rowOf(app, run, told);
  const body = tableBody(), there = body.rows.length, rows = runs.slice(0, most).map(row);
  if (there <= rows.length && rows.slice(0, there).every((each, place) => each === body.rows[place])) {
    body.append(...rows.slice(there));
  } else {
    body.replaceChildren(...rows);
    if (focused instanceof HTMLElement && !editing) made.get(at)?.row.focus({ preventScroll: true });
  }
  if (most < runs.length) whenIdle(() => showTable(app, most + AT_ONCE));
  else tell(app, "whole");
  markChosen(app);
  const all = app.runs.length, busy = app.runs.filter((run) => run.status === "training").length;
  element("count").textContent = [count("count", all), ...(runs.length < all ? [say("count_of", { shown: runs.length, all })] : []),
    ...(busy ? [say("count_training", { n: busy })] : [])].join(" · ");
  element("empty").hidden = !app.loaded || all > 0;
  element("rows").hidden = all === 0;
  element("none-fits").hidden = !app.loaded || all === 0 || runs.length > 0;
}

/** The runs that pass the filters. @param {RunsApp} app */
function fitting(app) {
  const words = element("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const status = element("filter-status").value, tag = element("filter-tag").value, archived = element("filter-archived").checked;
  return app.runs.filter((run) => {
    const text = [run.name, run.model, run.data, run.note, ...run.tags].join(" ").toLowerCase();
    return (archived || !run.archived) && (!status || run.status === status) && (!tag || run.tags.includes(tag))
      && words.every((word) => text.includes(word));
  });
}

/** @param {RunsApp} app */
function showHead(app) {
  const cells = ["name", ...columns().map((column) => column.id)].map((id) => {
    const sort = order.by === id ? (order.falling ? "descending" : "ascending") : undefined;
    const number = COLUMNS.find((column) => column.id === id)?.number;
    const button = make("button", { type: "button" }, say(`col_${id}`));
    button.addEventListener("click", () => sortBy(app, id));
    return make("th", { scope: "col", "aria-sort": sort, class: number ? "number" : undefined }, button);
  });
  const row = make("tr", {}, make("td", { class: "pick" }), ...cells, make("td", {}));
  const head = element("rows").querySelector("thead");
  if (head.innerHTML !== row.outerHTML) head.replaceChildren(row);
}

/** @param {RunsApp} app @param {string} id */
function sortBy(app, id) {
  const falling = COLUMNS.find((column) => column.id === id)?.falling ?? false;
  order = { by: id, falling: order.by === id ? !order.falling : falling };
  keep("order", order);
  showTable(app);
}

function columns() {
  return COLUMNS.filter((column) => shown.has(column.id));
}

/** The row of a run, the one that is there where nothing changed. @param {RunsApp} app @param {Run} run @param {import("./runs_columns.js").Told} told */
function rowOf(app, run, told) {
  const state = JSON.stringify([run, [...shown], told.best.has(run.name), told.troubles[run.name]]), old = made.get(run.name);
  if (old?.told === state) return old.row;
  const row = old?.row ?? make("tr", { tabindex: 0, "data-name": run.name });
  row.toggleAttribute("data-archived", run.archived);
  const pick = make("input", { type: "checkbox", tabindex: -1, "aria-label": say("act_choose", { name: run.name }) });
  row.replaceChildren(
    make("td", { class: "pick" }, pick), make("th", { scope: "row" }, nameCell(run)),
    ...columns().map((column) => make("td", { class: column.number ? "number" : `is-${column.id}` },
      column.id === "tags" ? tagsCell(run) : column.id === "note" ? noteCell(run) : column.cell(run, told))),
    make("td", { class: "acts" }, ...actsOf(app, run)));
  made.set(run.name, { row, told: state });
  return row;
}

/** @param {Run} run */
function nameCell(run) {
  const end = run.name.lastIndexOf("/") + 1;
  return make("span", { class: "name", title: run.trouble || run.folder, "data-troubled": run.trouble !== "" }, ...(end ? [make("small", {}, run.name.slice(0, end))] : []), run.name.slice(end));
}

/** @param {Run} run */
function tagsCell(run) {
  return make("button", { type: "button", class: "edit", "data-edit": "tags", tabindex: -1, "aria-label": say("edit_tags", { name: run.name }) },
    ...(run.tags.length ? run.tags.map((tag) => make("span", { class: "tag" }, tag)) : [make("span", { class: "add" }, say("add_tag"))]));
}

/** @param {Run} run */
function noteCell(run) {
  return make("button", { type: "button", class: "edit", "data-edit": "note", tabindex: -1, "aria-label": say("edit_note", { name: run.name }), title: run.note },
    run.note || make("span", { class: "add" }, say("add_note")));
}

/** @param {RunsApp} app @param {Run} run */
function actsOf(app, run) {
  const waits = ["stopped", "new"].includes(run.status) && run.resumable !== false;
  const act = run.status === "training" ? "stop" : waits ? "resume" : "";
  const buttons = act ? [button(say(`act_${act}`), "acting", () => ask(app, act, run))] : [];
  return [button(say(run.archived ? "act_unarchive" : "act_archive"), "quiet", () => archive(app, run)), ...buttons];
}

/** @param {string} text @param {string} kind @param {() => void} does */
function button(text, kind, does) {
  const made = make("button", { type: "button", class: kind, tabindex: -1 }, text);
  made.addEventListener("click", (event) => { event.stopPropagation(); does(); });
  return made;
}

/** @param {RunsApp} app @param {"stop"|"resume"} what @param {Run} run */
async function ask(app, what, run) {
  await tried(app, async () => {
    take(app, await send(what, run.name));
    tell(app, "toast", say(`${what}_asked`, { name: run.name }));
  });
}

/** Say no more why a run could not go on. @param {RunsApp} app @param {string} name */
export function dismiss(app, name) {
  return tried(app, async () => take(app, await send("dismiss", name)));
}

/** Put a run away, or take it out. @param {RunsApp} app @param {Run} run */
export function archive(app, run) {
  return label(app, run, { archived: !run.archived });
}

/** What the server tells of all runs, or of some. @param {RunsApp} app @param {import("./runs_server.js").Table} value */
export function take(app, value) {
  const told = new Map(value.runs.map((run) => [run.name, run]));
  app.runs = value.whole ? value.runs : app.runs.map((run) => told.get(run.name) ?? run);
  app.judged = value.whole ? value.judged : { ...app.judged, ...value.judged };
  app.troubles = value.troubles;
  app.resuming = value.resuming;
  app.loaded = true;
  tell(app, "table");
}

/** @param {RunsApp} app @param {Run} run @param {{tags?: string[], archived?: boolean, note?: string}} labels */
async function label(app, run, labels) {
  await tried(app, async () => {
    Object.assign(run, await sendLabels(run.name, labels));
    tell(app, "table");
  });
}

/** @param {RunsApp} app @param {() => Promise<void>} act */
async function tried(app, act) {
  try {
    await act();
  } catch (error) {
    tell(app, "trouble", worded(error));
  }
}

/** @param {RunsApp} app @param {MouseEvent} event */
function clicked(app, event) {
  const target = /** @type {Element} */ (event.target), row = rowAt(target), run = row && runOf(app, row.dataset.name ?? "");
  if (!run || target.closest("tbody input:not([type=checkbox])")) return;
  const edit = target.closest("[data-edit]");
  if (edit instanceof HTMLElement) return editIn(app, run, edit.dataset.edit ?? "");
  if (target.closest(".pick") || event.ctrlKey || event.metaKey || event.shiftKey) toggle(app, run.name);
  else if (app.chosen.size === 1 && app.chosen.has(run.name)) only(app);
  else only(app, run.name);
}

/** Edit the tags or the note of a run in its row. @param {RunsApp} app @param {Run} run @param {string} what */
export function editIn(app, run, what) {
  if (!shown.has(what)) {
    shown.add(what);
    tell(app, "table");
  }
  const row = made.get(run.name)?.row, button = row?.querySelector(`[data-edit=${what}]`);
  if (!row || !(button instanceof HTMLElement)) return;
  const field = /** @type {HTMLInputElement} */ (make("input", { "aria-label": button.getAttribute("aria-label") ?? "", spellcheck: "false" }));
  field.value = what === "tags" ? run.tags.join(", ") : run.note;
  let over = false;
  const end = (/** @type {boolean} */ save) => {
    if (over) return;
    over = true;
    const tags = field.value.split(/[\s,]+/).filter(Boolean);
    field.replaceWith(button);
    if (save) void label(app, run, what === "tags" ? { tags } : { note: field.value });
  };
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter" || event.key === "Escape") {
      end(event.key === "Enter");
      row.focus();
    }
  });
  field.addEventListener("blur", () => end(true));
  button.replaceWith(field);
  field.focus();
  field.select();
}

/** Show which runs are chosen, in their colours. @param {RunsApp} app */
function markChosen(app) {
  for (const row of tableBody().rows) {
    const name = row.dataset.name ?? "", chosen = app.chosen.has(name);
    row.setAttribute("aria-selected", String(chosen));
    row.style.setProperty("--series", chosen ? colourOf(app, name) : "");
    const pick = row.querySelector("input");
    if (pick?.type === "checkbox") pick.checked = chosen;
  }
}

/** @param {RunsApp} app */
function fillTags(app) {
  const tags = [...new Set(app.runs.flatMap((run) => run.tags))].sort();
  fill("filter-tag", ["", ...tags].map((tag) => [tag, tag || say("any_tag")]));
  element("filter-tag").hidden = !tags.length;
}

/** @param {string} id @param {string[][]} options */
export function fill(id, options) {
  const select = element(id), value = select.value, told = JSON.stringify(options);
  if (select.dataset.told === told) return;
  select.dataset.told = told;
  select.replaceChildren(...options.map(([name, text]) => make("option", { value: name }, text)));
  if (options.some(([name]) => name === value)) select.value = value;
}

/** @param {RunsApp} app */
function fillColumns(app) {
  element("columns").append(...COLUMNS.map((column) => {
    const box = make("input", { type: "checkbox", checked: shown.has(column.id) });
    box.addEventListener("change", () => {
      if (/** @type {HTMLInputElement} */ (box).checked) shown.add(column.id);
      else shown.delete(column.id);
      keep("columns", [...shown]);
      showTable(app);
    });
    return make("label", { class: "check" }, box, make("span", {}, say(`col_${column.id}`)));
  }));
}
