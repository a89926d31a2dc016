// @ts-check
/**
 * What the page knows, in one value, and who is told when it changes.
 *
 * @typedef {import("./server.js").Queue} Queue
 * @typedef {import("./server.js").QueueSample} QueueSample
 * @typedef {import("./server.js").SampleFacts} SampleFacts
 * @typedef {import("./server.js").DecisionName} DecisionName
 * @typedef {import("./painting.js").Painting} Painting
 * @typedef {import("./regions.js").Region} Region
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {import("./geometry.js").Rect} Rect
 *
 * @typedef {Region & {outline: Point[]}} Selection
 * @typedef {object} Work  what a person did to one mask; kept while the page is open
 * @property {Painting} painting
 * @property {Uint8Array} saved the mask that the server has
 * @property {boolean} keepPaint the paint stays when the server's mask changes: a decision on it was undone
 * @property {Selection|null} selection
 * @property {boolean} kept it lies in the browser's store too
 * @property {string} note
 * @property {string} savedNote the note that the server has
 *
 * @typedef {object} Opened  the photo in view
 * @property {QueueSample} row
 * @property {SampleFacts} facts
 * @property {ImageBitmap} photo
 * @property {Work} work
 * @property {Uint8Array|null} label the dataset's own mask, once it is known
 * @property {Uint8Array|null} proposal
 * @property {"waiting"|"there"|"none"} proposalState
 * @property {Uint8Array|null} difference
 * @property {Promise<Uint16Array>|null} superpixels
 *
 * @typedef {{action: DecisionName|null, note: string, mask: Uint8Array|null, version?: string, digest?: string}} DecisionState
 *   `mask` packed; out of the journal it is known by its version and digest until it is wanted
 * @typedef {{row: QueueSample, before: DecisionState, after: DecisionState}} Step
 *
 * @typedef {object} Settings
 * @property {string} tool
 * @property {number} classId
 * @property {number} size diameter of the brush in pixels of the photo
 * @property {number} opacity in [0, 1]
 * @property {boolean} outline
 * @property {boolean} hidden
 * @property {boolean} compare
 * @property {string} method where proposals come from
 *
 * @typedef {object} App
 * @property {Queue} queue
 * @property {string} dataset key of the dataset in this browser
 * @property {QueueSample[]} shown the samples that pass the filters
 * @property {QueueSample|null} at
 * @property {Opened|null} opened
 * @property {Map<string, Work>} works
 * @property {Set<string>} painted ids of samples with unsaved paint
 * @property {Settings} settings
 * @property {{done: Step[], undone: Step[]}} log
 * @property {import("./outbox.js").Outbox} outbox
 * @property {import("./outbox.js").Conflict[]} conflicts
 * @property {Set<string>} saved versions that this page's decisions made
 * @property {string} refused why the server did not take a decision, until the person has read it
 * @property {string|null} armed sample on which the next K drops the paint
 * @property {number} finding which of the reasons was zoomed to last
 * @property {Map<Topic, ((detail?: any) => void)[]>} listeners
 *
 * @typedef {"queue"|"rows"|"at"|"opened"|"mask"|"settings"|"saving"|"toast"|"proposal"|"marks"|"view"|"note"} Topic
 */

/** Be told. @param {App} app @param {Topic[]} topics @param {(detail?: any) => void} act */
export function on(app, topics, act) {
  for (const topic of topics) app.listeners.set(topic, [...(app.listeners.get(topic) ?? []), act]);
}

/** Tell. @param {App} app @param {Topic} topic @param {any} [detail] */
export function tell(app, topic, detail) {
  for (const act of app.listeners.get(topic) ?? []) act(detail);
}

/** Show a short message. @param {App} app @param {string} text */
export function toast(app, text) {
  tell(app, "toast", text);
}

/** An element of the page that must be there. @param {string} id @returns {any} */
export function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element ${id}`);
  return found;
}

/**
 * Make an element.
 *
 * @param {string} tag
 * @param {Record<string, string|number|boolean|undefined>} [attributes]
 * @param {(Node|string)[]} children
 * @returns {HTMLElement}
 */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

/** A sign out of the page's set. @param {string} name @returns {SVGElement} */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg"), use = document.createElementNS(space, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}
