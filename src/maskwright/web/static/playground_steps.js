// @ts-check
/**
 * The sliders of the post-processing: each from nothing to more than anybody needs, finer where it is close to nothing.
 *
 * @typedef {import("./playground_state.js").Play} Play
 * @typedef {{most: number, to: (at: number) => number, from: (value: number) => number, text: (value: number) => string}} Scale
 *   a slider's place in [0, most], the setting's value, and what is said of it
 */

import { element, make, tell } from "./app.js";
import { LANG, say } from "./sentences.js";
import { switchedOff } from "./playground_state.js";

const NUMBER = (/** @type {number} */ digits) => new Intl.NumberFormat(LANG, { maximumFractionDigits: digits });
const percent = (/** @type {number} */ value) => say("percent", { percent: NUMBER(2).format(100 * value) });

/** A share of the photo up to `largest`, finer towards 0. @param {number} largest @returns {Scale} */
function share(largest) {
  return {
    most: 100, to: (at) => Number((largest * (at / 100) ** 2).toPrecision(3)),
    from: (value) => 100 * Math.min(1, Math.sqrt(value / largest)), text: percent,
  };
}

/** Off, then a half to all. @type {Scale} */
const vote = { most: 51, to: (at) => (at < 1 ? 0 : (49 + at) / 100), from: (value) => (value ? 100 * value - 49 : 0), text: percent };

/** @type {Record<string, Scale>} */
const SCALES = {
  colour_weight: { most: 40, to: (at) => at / 20, from: (value) => 20 * value, text: NUMBER(2).format },
  edge_radius_frac: share(0.1),
  logit_offsets: { most: 80, to: (at) => Math.round(at - 40) / 10, from: (value) => 10 * Math.min(4, Math.max(-4, value)) + 40, text: (value) => `${value > 0 ? "+" : ""}${NUMBER(1).format(value)}` },
  photo_vote_share: vote,
  object_vote_share: vote,
  object_score_share: vote,
  smallest_frac: share(0.1),
  largest_hole_frac: share(0.1),
  temperature: { most: 80, to: (at) => Number((2 ** ((at - 40) / 20)).toPrecision(3)), from: (value) => 20 * Math.log2(Math.min(4, Math.max(0.25, value))) + 40, text: (value) => NUMBER(2).format(value) },
};

/** Make the sliders anew, as the settings stand. @param {Play} play */
export function showSteps(play) {
  const open = new Set([...document.querySelectorAll("#steps details[open]")].map((each) => /** @type {HTMLElement} */ (each).dataset.step));
  element("steps").replaceChildren(...play.facts.steps.map(({ name, off }) =>
    (Array.isArray(off) ? forClasses(play, name, open.has(name)) : forAll(play, name, off))));
  element("steps-note").textContent = say(play.a.fitted ? "steps_fitted" : "steps_none");
}

/** @param {Play} play @param {string} name @param {any} off */
function forAll(play, name, off) {
  const label = make("span", {}, say(`step_${name}`));
  return slider(`step-${name}`, label, say(`hint_${name}`), SCALES[name], play.settings[name], off, (value) => {
    play.settings[name] = value;
    tell(/** @type {any} */ (play), /** @type {any} */ ("settings"));
  });
}

/** A slider for each class. @param {Play} play @param {string} name @param {boolean} open */
function forClasses(play, name, open) {
  const out = make("output", {}), summary = make("summary", { title: say(`hint_${name}`) }, say(`step_${name}`), out);
  const sum = () => {
    const used = (play.settings[name] ?? []).some(Boolean);
    out.textContent = used ? "•" : say("step_off");
    summary.dataset.on = String(used);
  };
  const rows = play.a.classes.map((one, at) => {
    const tone = make("i", { class: "swatch" });
    tone.style.background = `rgb(${one.rgb.join(" ")})`;
    const label = make("span", { class: "tone" }, tone, one.name);
    return slider(`step-${name}-${at}`, label, say(`hint_${name}`), SCALES[name], play.settings[name]?.[at] ?? 0, 0, (value) => {
      const values = play.settings[name]?.length ? [...play.settings[name]] : play.a.classes.map(() => 0);
      values[at] = value;
      play.settings[name] = values.some(Boolean) ? values : [];
      sum();
      tell(/** @type {any} */ (play), /** @type {any} */ ("settings"));
    });
  });
  const details = make("details", { "data-step": name, open }, summary, ...rows);
  sum();
  return details;
}

/**
 * @param {string} id @param {HTMLElement} label @param {string} hint @param {Scale} scale @param {number} value @param {number} off
 * @param {(value: number) => void} act
 */
function slider(id, label, hint, scale, value, off, act) {
  const input = /** @type {HTMLInputElement} */ (make("input", { id, type: "range", min: 0, max: scale.most, step: 1 })), out = make("output", { for: id });
  const row = make("label", { class: "slide", title: hint }, label, input, out);
  const show = (/** @type {number} */ now) => {
    out.textContent = now === off && off === 0 ? say("step_off") : scale.text(now);
    row.dataset.on = String(now !== off);
    input.setAttribute("aria-valuetext", out.textContent ?? "");
  };
  input.value = String(scale.from(value));
  input.addEventListener("input", () => {
    const now = scale.to(Number(input.value));
    show(now);
    act(now);
  });
  show(value);
  return row;
}

/** Put all sliders where they were fitted, or off. @param {Play} play @param {"fitted"|"off"} where */
export function putSteps(play, where) {
  play.settings = where === "off" ? switchedOff(play) : structuredClone(play.a.post);
  showSteps(play);
  tell(/** @type {any} */ (play), /** @type {any} */ ("settings"));
}
