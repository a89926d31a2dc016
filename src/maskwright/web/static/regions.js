// @ts-check
/**
 * Connected regions of a mask.
 *
 * @typedef {import("./geometry.js").Rect} Rect
 * @typedef {{inside: Uint8Array, rect: Rect, count: number}} Region  `inside` is 1 on the pixels of the region, H*W
 */

/**
 * The connected region of equal class round a pixel.
 *
 * @param {Uint8Array} mask class ids, H*W
 * @param {number} width
 * @param {number} height
 * @param {number} x column of the pixel, in range
 * @param {number} y row of the pixel, in range
 * @param {4|8} neighbours
 * @param {Uint8Array|null} [within] 1 where the region may go, H*W
 * @returns {Region}
 */
export function regionAt(mask, width, height, x, y, neighbours, within = null) {
  const inside = new Uint8Array(mask.length), value = mask[y * width + x];
  const free = (/** @type {number} */ at) => mask[at] === value && !inside[at] && (!within || within[at] === 1);
  const rect = { x0: x, y0: y, x1: x + 1, y1: y + 1 };
  const seeds = free(y * width + x) ? [y * width + x] : [];
  const reach = neighbours === 8 ? 1 : 0;
  let count = 0;
  while (seeds.length) {
    const seed = /** @type {number} */ (seeds.pop());
    if (!free(seed)) continue;
    const row = Math.floor(seed / width), start = row * width, end = start + width;
    let left = seed, right = seed + 1;
    while (left > start && free(left - 1)) left--;
    while (right < end && free(right)) right++;
    inside.fill(1, left, right);
    count += right - left;
    rect.x0 = Math.min(rect.x0, left - start), rect.x1 = Math.max(rect.x1, right - start);
    rect.y0 = Math.min(rect.y0, row), rect.y1 = Math.max(rect.y1, row + 1);
    const from = Math.max(start, left - reach), to = Math.min(end, right + reach);
    if (row > 0) pushRuns(seeds, from - width, to - width, free);
    if (row + 1 < height) pushRuns(seeds, from + width, to + width, free);
  }
  return { inside, rect, count };
}

/** One seed for each run of free pixels. @param {number[]} seeds @param {number} from @param {number} to */
function pushRuns(seeds, from, to, /** @type {(at: number) => boolean} */ free) {
  for (let at = from, before = false; at < to; at++) {
    const now = free(at);
    if (now && !before) seeds.push(at);
    before = now;
  }
}

/**
 * Number the connected regions of equal class.
 *
 * @param {Uint8Array} mask class ids, H*W
 * @param {number} width
 * @param {number} height
 * @param {4|8} neighbours
 * @returns {{labels: Int32Array, count: number}} from 0, in the order of each region's first pixel
 */
export function components(mask, width, height, neighbours) {
  const parent = new Int32Array(mask.length);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      parent[at] = at;
      if (x && mask[at - 1] === mask[at]) join(parent, at - 1, at);
      if (y && mask[at - width] === mask[at]) join(parent, at - width, at);
      if (neighbours === 8 && y && x && mask[at - width - 1] === mask[at]) join(parent, at - width - 1, at);
      if (neighbours === 8 && y && x + 1 < width && mask[at - width + 1] === mask[at]) join(parent, at - width + 1, at);
    }
  }
  const labels = new Int32Array(mask.length);
  let count = 0;
  for (let at = 0; at < labels.length; at++) {
    const top = root(parent, at);
    labels[at] = top === at ? count++ : labels[top];
  }
  return { labels, count };
}

/** @param {Int32Array} parent @param {number} at */
function root(parent, at) {
  while (parent[at] !== at) at = parent[at] = parent[parent[at]];
  return at;
}

/** The earlier pixel becomes the root. @param {Int32Array} parent @param {number} a @param {number} b */
function join(parent, a, b) {
  a = root(parent, a), b = root(parent, b);
  if (a < b) parent[b] = a;
  else parent[a] = b;
}

/**
 * The class that surrounds a region most: what its pixels become when it is taken out.
 *
 * @param {Uint8Array} mask class ids, H*W
 * @param {number} width
 * @param {number} height
 * @param {Region} region
 * @returns {number} a class id; 0 where nothing surrounds it
 */
export function surrounding(mask, width, height, region) {
  const votes = new Uint32Array(256), { inside, rect } = region;
  for (let y = rect.y0; y < rect.y1; y++) {
    for (let x = rect.x0; x < rect.x1; x++) {
      const at = y * width + x;
      if (!inside[at]) continue;
      if (x && !inside[at - 1]) votes[mask[at - 1]]++;
      if (x + 1 < width && !inside[at + 1]) votes[mask[at + 1]]++;
      if (y && !inside[at - width]) votes[mask[at - width]]++;
      if (y + 1 < height && !inside[at + width]) votes[mask[at + width]]++;
    }
  }
  return votes.indexOf(Math.max(...votes));
}

/**
 * Fill the holes: background that touches no edge of the photo and borders on one class only becomes that class.
 *
 * @param {Uint8Array} mask class ids, H*W; stays as it is
 * @param {number} width
 * @param {number} height
 * @returns {Uint8Array} the mask without holes
 */
export function withoutHoles(mask, width, height) {
  const { labels, count } = components(mask, width, height, 4);
  const open = 256, unknown = 257;
  const fill = new Uint16Array(count).fill(unknown);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (mask[at] !== 0) continue;
      const hole = labels[at];
      if (x === 0 || y === 0 || x === width - 1 || y === height - 1) { fill[hole] = open; continue; }
      for (const next of [at - 1, at + 1, at - width, at + width]) {
        if (mask[next] === 0) continue;
        if (fill[hole] === unknown) fill[hole] = mask[next];
        else if (fill[hole] !== mask[next]) fill[hole] = open;
      }
    }
  }
  return mask.map((value, at) => (value === 0 && fill[labels[at]] < open ? fill[labels[at]] : value));
}

/**
 * Smooth contours: each pixel takes the class that most pixels of a disc round it have.
 *
 * In a tie a pixel keeps its class if that is among the most frequent, else it takes the lowest id. Pixels to be ignored
 * have no vote and stay.
 *
 * @param {Uint8Array} mask class ids, H*W; stays as it is
 * @param {number} width
 * @param {number} height
 * @param {number} radius of the disc in pixels, at least 1
 * @param {number} ignore the id of pixels to be ignored
 * @returns {Uint8Array} the smooth mask
 */
export function smoothed(mask, width, height, radius, ignore) {
  const result = mask.slice(), votes = new Uint32Array(256), near = nearContours(mask, width, height, radius);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (!near[at] || mask[at] === ignore) continue;
      votes.fill(0);
      for (let dy = -Math.min(radius, y); dy <= Math.min(radius, height - 1 - y); dy++) {
        const half = Math.floor(Math.sqrt(radius * radius - dy * dy));
        const row = (y + dy) * width, end = row + Math.min(width - 1, x + half);
        for (let other = row + Math.max(0, x - half); other <= end; other++) votes[mask[other]]++;
      }
      votes[ignore] = 0;
      let best = mask[at];
      for (let id = 0; id < 256; id++) if (votes[id] > votes[best]) best = id;
      result[at] = best;
    }
  }
  return result;
}

/** 1 where another class is less than `radius` away, in a square: elsewhere nothing can change. */
function nearContours(
  /** @type {Uint8Array} */ mask, /** @type {number} */ width, /** @type {number} */ height, /** @type {number} */ radius,
) {
  const near = new Uint8Array(mask.length);
  const mark = (/** @type {number} */ x, /** @type {number} */ y) => {
    const x0 = Math.max(0, x - radius), x1 = Math.min(width, x + radius + 2);
    for (let row = Math.max(0, y - radius); row < Math.min(height, y + radius + 2); row++) {
      near.fill(1, row * width + x0, row * width + x1);
    }
  };
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const right = x + 1 < width && mask[at + 1] !== mask[at], below = y + 1 < height && mask[at + width] !== mask[at];
      if (right || below) mark(x, y);
    }
  }
  return near;
}
