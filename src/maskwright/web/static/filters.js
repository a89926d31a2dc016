// @ts-check
/**
 * Which samples of the queue are shown.
 *
 * @typedef {import("./server.js").QueueSample} QueueSample
 * @typedef {{text: string, check: string, classId: string, split: string, decision: string}} Filters  "" lets all pass
 */

/** @type {Filters} */
export const NO_FILTERS = { text: "", check: "", classId: "", split: "", decision: "" };

/**
 * The samples that pass, in the order of the queue.
 *
 * @param {QueueSample[]} samples
 * @param {Filters} filters
 * @param {Set<string>} painted ids of samples with unsaved paint
 * @returns {QueueSample[]}
 */
export function passing(samples, filters, painted) {
  const words = filters.text.toLowerCase().split(/\s+/).filter(Boolean);
  return samples.filter((one) => words.every((word) => one.id.toLowerCase().includes(word))
    && (!filters.check || one.checks.includes(filters.check) || (filters.check === "-" && one.checks.length === 0))
    && (!filters.classId || one.class_ids.includes(Number(filters.classId)))
    && (!filters.split || one.split === filters.split)
    && passesDecision(one, filters.decision, painted));
}

/** @param {QueueSample} one @param {string} wanted @param {Set<string>} painted */
function passesDecision(one, wanted, painted) {
  if (!wanted) return true;
  if (wanted === "painted") return painted.has(one.id);
  return wanted === "none" ? one.decision === null : one.decision === wanted;
}

/** How often each value occurs, the most frequent first. @param {string[]} values @returns {[string, number][]} */
export function tally(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}
