// @ts-check
/** The playground: a photo comes, both sides answer, sliders ask again; only the latest question counts. */

import { element, make, on, tell } from "./app.js";
import { mountPhotos, openCamera } from "./playground_photos.js";
import { askMask, askPicture, askProbs, askWhole, worded } from "./playground_server.js";
import { fit, mountStage, zoom } from "./playground_stage.js";
import { comparing, newPlay, rightModel, rightSettings } from "./playground_state.js";
import { putSteps, showSteps } from "./playground_steps.js";
import { LANG, say } from "./sentences.js";

/** @typedef {import("./playground_state.js").Play} Play */

const PLAIN = "\0plain"; // in the list of models: the network alone
const LAPS = ["read", "decode", "wait", "predict", "steps"];
const MS = new Intl.NumberFormat(LANG, { maximumFractionDigits: 0 });
const PERCENT = new Intl.NumberFormat(LANG, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const play = newPlay(), heard = /** @type {any} */ (play);

/** Say what changed. @param {string} topic */
const told = (topic) => tell(heard, /** @type {any} */ (topic));
/** @param {string[]} topics @param {() => void} act */
const when = (topics, act) => on(heard, /** @type {any} */ (topics), act);

function start() {
  mountStage(play);
  mountPhotos((blob, name) => void take(blob, name), () => play.photo === null);
  mountModels();
  mountActions();
  showSteps(play);
  when(["settings"], () => void again("a"));
  when(["mask", "compare"], () => { showNames(); showAreas(); showAgreement(); showTiming(); });
  when(["probs"], showAreas);
  element("opacity").addEventListener("input", () => {
    play.opacity = Number(element("opacity").value) / 100;
    element("opacity-text").textContent = say("percent", { percent: element("opacity").value });
    told("opacity");
  });
  document.body.dataset.ready = "true";
}

/** Look at a new photo. @param {Blob} blob @param {string} name */
async function take(blob, name) {
  const { body_bytes: most } = play.facts.limits;
  if (blob.size > most) return showBanner(say("too_long", { mb: PERCENT.format(blob.size / 1e6), most: PERCENT.format(most / 1e6) }));
  if (blob.type && !/^(image\/|application\/octet-stream)/.test(blob.type)) return showBanner(say("not_a_photo"));
  showBanner("");
  const photo = { blob, name, digest: "", whole: "", bitmap: /** @type {ImageBitmap|null} */ (null) };
  const done = busy(say("working"));
  try {
    const [answer, bitmap] = await Promise.all([
      askMask(photo, play.a, play.settings), createImageBitmap(blob, { imageOrientation: "from-image" }).catch(() => null)]);
    const same = bitmap && Math.abs(bitmap.width / bitmap.height / (answer.width / answer.height) - 1) < 0.02;
    photo.bitmap = same ? bitmap : await askPicture(photo, play.a); // a TIFF, or turned in a way that browsers do not know
    Object.assign(play, { photo, maskA: answer, maskB: null, probsOf: null, probsA: null, probsB: null });
    document.body.dataset.state = "shown";
    showCaption(answer);
    told("photo");
    told("mask");
    await again("b");
  } catch (error) {
    showBanner(worded(error));
  } finally {
    done();
  }
  return undefined;
}

/** @type {Record<"a"|"b", {running: boolean, wanted: boolean}>} */
const sides = { a: { running: false, wanted: false }, b: { running: false, wanted: false } };

/** Ask a side again; what is asked meanwhile is asked once, when the answer is there. @param {"a"|"b"} side */
async function again(side) {
  const state = sides[side];
  state.wanted = true;
  if (state.running || !play.photo) return;
  state.running = true;
  const done = busy(say("working"), 350);
  try {
    while (state.wanted) {
      state.wanted = false;
      await askSide(side);
    }
    showBanner("");
  } catch (error) {
    showBanner(worded(error));
  } finally {
    state.running = false;
    done();
  }
}

/** @param {"a"|"b"} side */
async function askSide(side) {
  const photo = /** @type {import("./playground_state.js").Photo} */ (play.photo), left = side === "a", of = play.probsOf;
  if (!left && !comparing(play)) return void Object.assign(play, { maskB: null, probsB: null });
  const model = left ? play.a : rightModel(play), settings = left ? play.settings : rightSettings(play);
  const answer = await askMask(photo, model, settings);
  const probs = of === null || of >= model.classes.length ? null : await askProbs(photo, model, settings, of);
  if (play.photo !== photo) return undefined; // another one has come
  Object.assign(play, left ? { maskA: answer, probsA: probs } : { maskB: answer, probsB: probs });
  told("mask");
  told("probs");
  return undefined;
}

function mountModels() {
  const a = element("model-a"), b = element("model-b");
  a.append(...play.facts.models.map((one) => make("option", { value: one.name }, `${one.name} (${one.architecture})`)));
  const offer = () => {
    const others = play.facts.models.filter((one) => one !== play.a);
    b.replaceChildren(make("option", { value: "" }, say("compare_none")), make("option", { value: PLAIN }, say("compare_plain")),
      ...others.map((one) => make("option", { value: one.name }, `${one.name} (${one.architecture})`)));
    b.value = play.plain ? PLAIN : play.b?.name ?? "";
  };
  offer();
  a.addEventListener("change", () => {
    play.a = play.facts.models.find((one) => one.name === a.value) ?? play.a;
    if (play.b === play.a) play.b = null;
    if ((play.probsOf ?? 0) >= play.a.classes.length) play.probsOf = null;
    offer();
    putSteps(play, "fitted");
    void again("b");
  });
  b.addEventListener("change", () => {
    play.plain = b.value === PLAIN;
    play.b = play.facts.models.find((one) => one.name === b.value) ?? null;
    play.maskB = play.probsB = null;
    told("compare");
    void again("b");
  });
}

function mountActions() {
  /** @type {Record<string, () => void>} */
  const acts = {
    choose: () => element("file").click(), camera: () => void openCamera(), download: () => void download(), fit: () => fit(play),
    zoom_in: () => zoom(play, 1), zoom_out: () => zoom(play, -1), fitted: () => putSteps(play, "fitted"), off: () => putSteps(play, "off"),
    dismiss: () => showBanner(""), theme: toggleTheme, language: () => location.replace(`${location.pathname}?lang=${LANG === "en" ? "ru" : "en"}`),
  };
  for (const button of document.querySelectorAll("[data-act]")) {
    button.addEventListener("click", () => acts[/** @type {string} */ (/** @type {HTMLElement} */ (button).dataset.act)]());
  }
}

/** The classes with their areas; each switches the map of its probabilities on or off. */
function showAreas() {
  const { maskA, a } = play;
  if (!maskA) return;
  const total = maskA.width * maskA.height, focused = document.activeElement?.id;
  element("areas").replaceChildren(...a.classes.map((one) => {
    const pixels = maskA.areas[one.name] ?? 0, tone = make("i", { class: "swatch" }), bar = make("i", {}), meter = make("span", { class: "meter", "aria-hidden": "true" }, bar);
    tone.style.background = `rgb(${one.rgb.join(" ")})`;
    meter.style.setProperty("--tone", Math.max(...one.rgb) ? `rgb(${one.rgb.join(" ")})` : "var(--soft)");
    bar.style.setProperty("--share", String(pixels / total));
    const button = make("button", { type: "button", class: "area", id: `area-${one.id}`, "aria-pressed": String(play.probsOf === one.id), title: say("probs_of", { name: one.name }) },
      tone, make("span", { class: "name" }, one.name),
      make("b", {}, say("percent", { percent: PERCENT.format((100 * pixels) / total) }), " ", make("small", {}, say("pixels", { count: pixels }))), meter);
    button.addEventListener("click", () => showProbs(play.probsOf === one.id ? null : one.id));
    return make("li", {}, button);
  }));
  if (focused?.startsWith("area-")) document.getElementById(focused)?.focus();
}

/** @param {number|null} of */
function showProbs(of) {
  Object.assign(play, { probsOf: of, probsA: null, probsB: null });
  told("probs");
  void again("a");
  if (comparing(play)) void again("b");
}

/** Say what stands on which side. */
function showNames() {
  element("label-a").textContent = play.a.name;
  element("label-b").textContent = play.plain ? say("network_alone") : play.b?.name ?? "";
  element("steps-title").textContent = say(comparing(play) ? "steps_left" : "steps");
}

/** How far both sides say the same, by the names of their classes. */
function showAgreement() {
  const { maskA, maskB } = play, out = element("agreement");
  out.hidden = !maskA || !maskB || maskA.mask.length !== maskB.mask.length;
  if (!maskA || !maskB || out.hidden) return;
  const names = play.a.classes.map((one) => one.name), same = new Int16Array(256).fill(-1);
  rightModel(play).classes.forEach((one) => { same[one.id] = names.indexOf(one.name); });
  let equal = 0;
  for (let at = 0; at < maskA.mask.length; at++) if (maskA.mask[at] === same[maskB.mask[at]]) equal++;
  out.textContent = say("agreement", { percent: PERCENT.format((100 * equal) / maskA.mask.length) });
}

function showTiming() {
  const { maskA } = play;
  if (!maskA) return;
  const rows = LAPS.flatMap((lap) => {
    if (lap === "predict" && !(lap in maskA.laps)) return [[say("time_kept"), say("ms", { ms: MS.format(0) })]];
    return lap in maskA.laps ? [[say(`time_${lap}`), say("ms", { ms: MS.format(maskA.laps[lap]) })]] : [];
  });
  const sum = [make("dt", { class: "sum" }, say("time_whole")), make("dd", { class: "sum" }, say("ms", { ms: MS.format(maskA.wholeMs) }))];
  element("timing").replaceChildren(...rows.flatMap(([name, ms]) => [make("dt", {}, name), make("dd", {}, ms)]), ...sum);
}

/** @param {import("./playground_server.js").Answer} answer */
function showCaption(answer) {
  const { name, whole } = /** @type {import("./playground_state.js").Photo} */ (play.photo), { width, height } = answer;
  const facts = { name, whole, width: String(width), height: String(height) };
  element("caption").textContent = say(whole === `${width} × ${height}` ? "caption" : "caption_small", facts);
}

async function download() {
  const { photo } = play;
  if (!photo) return;
  const done = busy(say("preparing"));
  try {
    const link = /** @type {HTMLAnchorElement} */ (make("a", { download: `${photo.name.replace(/\.[^.]*$/, "")}-mask.png` }));
    link.href = URL.createObjectURL(await askWhole(photo, play.a, play.settings));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  } catch (error) {
    showBanner(worded(error));
  } finally {
    done();
  }
}

let works = 0;

/** Say that something is being done. @param {string} text @param {number} [afterMs] @returns {() => void} says that it is done */
function busy(text, afterMs = 0) {
  let shown = false, over = false;
  const show = () => {
    if (over) return;
    shown = true;
    works++;
    element("busy").textContent = text;
    element("busy").hidden = false;
  };
  if (afterMs) setTimeout(show, afterMs);
  else show();
  return () => {
    over = true;
    if (shown && --works === 0) element("busy").hidden = true;
  };
}

function toggleTheme() {
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = (root.dataset.theme ?? (dark ? "dark" : "light")) === "dark" ? "light" : "dark";
  localStorage.setItem("maskwright-theme", root.dataset.theme);
}

/** @param {string} text "" for none */
function showBanner(text) {
  element("banner").hidden = !text;
  element("banner-text").textContent = text;
}

start();
