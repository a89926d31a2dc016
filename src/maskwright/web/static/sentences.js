// @ts-check
/** The sentences of the page in its language, out of the page itself. */

const TABLE = JSON.parse(document.getElementById("sentences")?.textContent ?? "{}");
export const LANG = document.documentElement.lang || "en";
const PLURAL = new Intl.PluralRules(LANG);
const NUMBER = new Intl.NumberFormat(LANG);

/**
 * A sentence with its facts filled in.
 *
 * @param {string} key
 * @param {Record<string, string|number>} [facts] what stands in braces, by name
 * @returns {string}
 */
export function say(key, facts = {}) {
  const text = TABLE[key];
  if (text === undefined) throw new Error(`no sentence ${key}`);
  return text.replace(/\{(\w+)\}/g, (/** @type {string} */ all, /** @type {string} */ name) => {
    const fact = facts[name];
    return fact === undefined ? all : typeof fact === "number" ? NUMBER.format(fact) : fact;
  });
}

/** A sentence that counts `n`: its keys end in _one, _few and _many. @param {string} key @param {number} n */
export function count(key, n, /** @type {Record<string, string|number>} */ facts = {}) {
  const form = PLURAL.select(n);
  return say(`${key}_${form === "one" ? "one" : form === "few" ? "few" : "many"}`, { n, ...facts });
}

/** A share in hundredths, without the sign. @param {number} share in [0, 1] */
export function hundredths(share) {
  return new Intl.NumberFormat(LANG, { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(100 * share);
}

/** A moment of a decision. @param {string} when ISO 8601 */
export function moment(when) {
  const date = new Date(when);
  if (Number.isNaN(date.getTime())) return when;
  return new Intl.DateTimeFormat(LANG, { dateStyle: "short", timeStyle: "short" }).format(date);
}
