// @ts-check
/**
 * Every action of the page with its keys: the one table that the keyboard, the tooltips and the help sheet read.
 *
 * Keys are named by their place on the keyboard (`KeyboardEvent.code`), so that they work on any layout; where a layout
 * with Latin letters moves letters about, the letter that is printed on the key counts.
 *
 * @typedef {{id: string, group: string, keys: string[], held?: boolean}} Action  `held`: goes on while the key is held down
 */

/** @type {readonly Action[]} */
export const ACTIONS = [
  { id: "keep", group: "decide", keys: ["KeyK"] },
  { id: "exclude", group: "decide", keys: ["KeyX"] },
  { id: "relabel", group: "decide", keys: ["KeyR"] },
  { id: "withdraw", group: "decide", keys: ["KeyW"] },
  { id: "note", group: "decide", keys: ["KeyN"] },
  { id: "undo", group: "decide", keys: ["Ctrl+KeyZ"], held: true },
  { id: "redo", group: "decide", keys: ["Ctrl+Shift+KeyZ", "Ctrl+KeyY"], held: true },
  { id: "retry", group: "decide", keys: ["Shift+KeyR"] },
  { id: "dismiss", group: "decide", keys: ["Shift+KeyH"] },
  { id: "take_mine", group: "decide", keys: ["Shift+KeyM"] },
  { id: "take_theirs", group: "decide", keys: ["Shift+KeyT"] },

  { id: "next", group: "move", keys: ["ArrowRight", "ArrowDown"], held: true },
  { id: "previous", group: "move", keys: ["ArrowLeft", "ArrowUp"], held: true },
  { id: "next_undecided", group: "move", keys: ["Shift+ArrowRight", "Shift+ArrowDown"] },
  { id: "ten_on", group: "move", keys: ["PageDown"], held: true },
  { id: "ten_back", group: "move", keys: ["PageUp"], held: true },
  { id: "first", group: "move", keys: ["Home"] },
  { id: "last", group: "move", keys: ["End"] },
  { id: "search", group: "move", keys: ["Shift+KeyS"] },
  { id: "filter_check", group: "move", keys: ["Shift+KeyY"] },
  { id: "filter_class", group: "move", keys: ["Shift+KeyQ"] },
  { id: "filter_split", group: "move", keys: ["Shift+KeyP"] },
  { id: "filter_decision", group: "move", keys: ["Shift+KeyK"] },
  { id: "clear_filters", group: "move", keys: ["Shift+KeyC"] },

  { id: "hide", group: "see", keys: ["Space"] },
  { id: "compare", group: "see", keys: ["KeyD"] },
  { id: "method", group: "see", keys: ["KeyM"] },
  { id: "evidence", group: "see", keys: ["KeyY"] },
  { id: "zoom_in", group: "see", keys: ["KeyZ"], held: true },
  { id: "zoom_out", group: "see", keys: ["Shift+KeyZ"], held: true },
  { id: "fit", group: "see", keys: ["Shift+KeyF"] },
  { id: "actual_size", group: "see", keys: ["Shift+Digit1"] },
  { id: "pan_left", group: "see", keys: ["Ctrl+ArrowLeft"], held: true },
  { id: "pan_right", group: "see", keys: ["Ctrl+ArrowRight"], held: true },
  { id: "pan_up", group: "see", keys: ["Ctrl+ArrowUp"], held: true },
  { id: "pan_down", group: "see", keys: ["Ctrl+ArrowDown"], held: true },
  { id: "fainter", group: "see", keys: ["BracketLeft"], held: true },
  { id: "stronger", group: "see", keys: ["BracketRight"], held: true },
  { id: "outline", group: "see", keys: ["KeyO"] },

  { id: "look", group: "paint", keys: ["KeyV"] },
  { id: "brush", group: "paint", keys: ["KeyB"] },
  { id: "eraser", group: "paint", keys: ["KeyE"] },
  { id: "polygon", group: "paint", keys: ["KeyP"] },
  { id: "lasso", group: "paint", keys: ["KeyL"] },
  { id: "flood", group: "paint", keys: ["KeyF"] },
  { id: "component", group: "paint", keys: ["KeyC"] },
  { id: "superpixel", group: "paint", keys: ["KeyU"] },
  { id: "grabcut", group: "paint", keys: ["KeyG"] },
  { id: "points", group: "paint", keys: ["KeyA"] },
  { id: "smaller", group: "paint", keys: ["Comma", "Minus", "NumpadSubtract"], held: true },
  { id: "larger", group: "paint", keys: ["Period", "Equal", "NumpadAdd"], held: true },
  ...Array.from({ length: 10 }, (_, id) => (
    { id: `class_${id}`, group: "paint", keys: [`Digit${id}`, `Numpad${id}`] })),
  { id: "class_ignore", group: "paint", keys: ["KeyI"] },
  { id: "pick", group: "paint", keys: ["KeyQ"] },

  { id: "take", group: "mend", keys: ["KeyT"] },
  { id: "smooth", group: "mend", keys: ["KeyS"] },
  { id: "fill_holes", group: "mend", keys: ["KeyH"] },
  { id: "fill_selection", group: "mend", keys: ["Enter", "NumpadEnter"] },
  { id: "clear_selection", group: "mend", keys: ["Delete"] },
  { id: "corner_back", group: "mend", keys: ["Backspace"] },
  { id: "cancel", group: "mend", keys: ["Escape"] },
  { id: "original", group: "mend", keys: ["Shift+KeyO"] },

  { id: "help", group: "page", keys: ["Slash", "Shift+Slash", "F1"] },
  { id: "panels", group: "page", keys: ["Backslash"] },
  { id: "theme", group: "page", keys: ["Shift+KeyD"] },
  { id: "language", group: "page", keys: ["Shift+KeyL"] },
];

const BY_KEY = new Map(ACTIONS.flatMap((action) => action.keys.map((key) => [key, action])));
const SIGNS = new Map(Object.entries({
  ArrowRight: "→", ArrowLeft: "←", ArrowUp: "↑", ArrowDown: "↓", BracketLeft: "[", BracketRight: "]", Comma: ",",
  Period: ".", Minus: "−", Equal: "+", NumpadAdd: "Num +", NumpadSubtract: "Num −", Slash: "?", Backslash: "\\",
  Escape: "Esc", Delete: "Del", PageUp: "PgUp", PageDown: "PgDn", NumpadEnter: "Num Enter",
}));

/** The action that a pressed key stands for. @param {KeyboardEvent} event @returns {Action|undefined} */
export function actionOf(event) {
  if (event.altKey || event.key === "AltGraph") return undefined;
  if (event.key === "?") return BY_KEY.get("Slash");
  const letter = /^[a-z]$/i.test(event.key);
  const code = letter ? `Key${event.key.toUpperCase()}` : event.code;
  return BY_KEY.get(`${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.shiftKey ? "Shift+" : ""}${code}`);
}

/** The keys of an action as they are printed on the keyboard. @param {Action} action @returns {string[]} */
export function keySigns(action) {
  const shown = action.keys.filter((key) => !/^(Numpad|Shift\+Slash)/.test(key));
  return shown.map((key) => key.split("+").map(sign).join(" "));
}

/** @param {string} part */
function sign(part) {
  return SIGNS.get(part) ?? part.replace(/^(Key|Digit)/, "");
}

/** The first key of an action, for a tooltip. @param {string} id */
export function keySign(id) {
  const action = ACTIONS.find((one) => one.id === id);
  return action ? keySigns(action)[0] : "";
}

/** Whether a person is typing into what has the focus. @param {EventTarget|null} target */
export function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("textarea, select, input:not([type=range])"));
}
