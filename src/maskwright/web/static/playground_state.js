// @ts-check
/**
 * What the playground knows, in one value.
 *
 * @typedef {import("./tint.js").ClassInfo} ClassInfo
 * @typedef {import("./playground_server.js").Answer} Answer
 * @typedef {Record<string, any>} Settings  of the post-processing, by name
 * @typedef {{name: string, architecture: string, runtime: string, classes: ClassInfo[], post: Settings, fitted: boolean}} Model
 * @typedef {{models: Model[], steps: {name: string, off: any}[], limits: {body_bytes: number, pixels: number, side_px: number}}} Facts
 * @typedef {{blob: Blob, name: string, digest: string, whole: string, bitmap: ImageBitmap|null}} Photo  what is looked at
 *
 * @typedef {object} Play
 * @property {Facts} facts
 * @property {Model} a the model whose sliders are moved
 * @property {Settings} settings as the sliders stand
 * @property {Model|null} b the model on the right of the divider
 * @property {boolean} plain whether the right side is the network alone
 * @property {Photo|null} photo
 * @property {Answer|null} maskA
 * @property {Answer|null} maskB
 * @property {number} opacity in [0, 1]
 * @property {number|null} probsOf the class whose probabilities are shown
 * @property {{plane: Uint8Array, width: number, height: number}|null} probsA
 * @property {{plane: Uint8Array, width: number, height: number}|null} probsB
 * @property {Map<string, ((detail?: any) => void)[]>} listeners
 */

/** @returns {Play} */
export function newPlay() {
  const facts = JSON.parse(document.getElementById("facts")?.textContent ?? "{}"), a = facts.models[0];
  return {
    facts, a, settings: structuredClone(a.post), b: null, plain: false, photo: null, maskA: null, maskB: null, opacity: 0.55,
    probsOf: null, probsA: null, probsB: null, listeners: new Map(),
  };
}

/** All steps off. @param {Play} play @returns {Settings} */
export function switchedOff(play) {
  return Object.fromEntries(play.facts.steps.map(({ name, off }) => [name, structuredClone(off)]));
}

/** Whether something stands on the right of the divider. @param {Play} play */
export function comparing(play) {
  return play.b !== null || play.plain;
}

/** The model on the right. @param {Play} play */
export function rightModel(play) {
  return play.b ?? play.a;
}

/** The settings on the right: of another model its own, else none. @param {Play} play @returns {Settings} */
export function rightSettings(play) {
  return play.b ? play.b.post : switchedOff(play);
}
