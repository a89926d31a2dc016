// @ts-check
/** Masks as few bytes (for undo and drafts) and as text (for JSON). */

/**
 * Run lengths of bytes: for each run its value and its length in groups of seven bits, the lowest first.
 *
 * @param {Uint8Array} data
 * @returns {Uint8Array}
 */
export function packed(data) {
  let out = new Uint8Array(64), size = 0;
  const push = (/** @type {number} */ byte) => {
    if (size === out.length) {
      const wider = new Uint8Array(2 * size);
      wider.set(out);
      out = wider;
    }
    out[size++] = byte;
  };
  for (let at = 0; at < data.length;) {
    const value = data[at], start = at;
    while (at < data.length && data[at] === value) at++;
    push(value);
    for (let length = at - start; ; length = Math.floor(length / 128)) {
      push(length < 128 ? length : 128 + (length % 128));
      if (length < 128) break;
    }
  }
  return out.slice(0, size);
}

/**
 * The bytes that `packed` packed.
 *
 * @param {Uint8Array} runs
 * @param {number} size how many bytes they were
 * @returns {Uint8Array}
 */
export function unpacked(runs, size) {
  const data = new Uint8Array(size);
  for (let at = 0, filled = 0; at < runs.length;) {
    const value = runs[at++];
    let length = 0;
    for (let weight = 1, more = true; more; weight *= 128) {
      more = runs[at] >= 128;
      length += (runs[at++] % 128) * weight;
    }
    data.fill(value, filled, (filled += length));
  }
  return data;
}

/** Base64 text of bytes. @param {Uint8Array} data */
export function toBase64(data) {
  const step = 0x8000, pieces = [];
  for (let at = 0; at < data.length; at += step) {
    pieces.push(String.fromCharCode(...data.subarray(at, at + step)));
  }
  return btoa(pieces.join(""));
}

/** The bytes of base64 text. @param {string} text */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** Whether two arrays hold the same bytes. @param {Uint8Array} a @param {Uint8Array} b */
export function sameBytes(a, b) {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
