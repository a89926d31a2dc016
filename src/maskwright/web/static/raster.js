// @ts-check
/**
 * From shapes to pixels, exactly: a pixel belongs to a shape when its centre does. Nothing here is smoothed.
 *
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {(y: number, x0: number, x1: number) => void} OnSpan  told each run of pixels x0 <= x < x1 of a row
 */

/**
 * Where the centre of a round brush may stand, so that it covers `diameter` pixels across and is symmetric.
 *
 * @param {Point} point where the pointer is
 * @param {number} diameter in pixels; odd brushes stand on centres of pixels, even ones on corners
 * @returns {Point}
 */
export function snapped(point, diameter) {
  if (diameter % 2) return { x: Math.floor(point.x) + 0.5, y: Math.floor(point.y) + 0.5 };
  return { x: Math.round(point.x), y: Math.round(point.y) };
}

/**
 * The pixels that a round brush covers on its way from one point to another.
 *
 * A pixel is covered when its centre is at most half a diameter away from the segment. Points are half-integers, so the
 * comparison is exact: it is made on squares, without a division.
 *
 * @param {Point} from snapped
 * @param {Point} to snapped
 * @param {number} diameter in pixels
 * @param {number} width of the mask
 * @param {number} height of the mask
 * @param {OnSpan} onSpan
 */
export function brushSpans(from, to, diameter, width, height, onSpan) {
  const radius = diameter / 2;
  const dx = to.x - from.x, dy = to.y - from.y, length2 = dx * dx + dy * dy;
  const top = Math.max(0, Math.floor(Math.min(from.y, to.y) - radius));
  const bottom = Math.min(height - 1, Math.ceil(Math.max(from.y, to.y) + radius));
  const left = Math.max(0, Math.floor(Math.min(from.x, to.x) - radius));
  const right = Math.min(width - 1, Math.ceil(Math.max(from.x, to.x) + radius));
  for (let y = top; y <= bottom; y++) {
    let first = left, last = right;
    const covered = (/** @type {number} */ x) => nearSegment(x + 0.5 - from.x, y + 0.5 - from.y, dx, dy, length2, radius);
    while (first <= right && !covered(first)) first++;
    while (last >= first && !covered(last)) last--;
    if (first <= last) onSpan(y, first, last + 1);
  }
}

/**
 * Whether a point, relative to the start of a segment, is at most `radius` away from it.
 *
 * @param {number} px @param {number} py @param {number} dx @param {number} dy @param {number} length2 @param {number} radius
 */
function nearSegment(px, py, dx, dy, length2, radius) {
  const along = px * dx + py * dy, square = px * px + py * py;
  if (along <= 0) return square <= radius * radius;
  if (along >= length2) return (px - dx) ** 2 + (py - dy) ** 2 <= radius * radius;
  return square * length2 - along * along <= radius * radius * length2;
}

/**
 * The pixels inside of a closed polygon, by the rule of non-zero winding; a self-crossing lasso has no holes.
 *
 * A centre on a left or upper edge is inside, on a right or lower one outside, so that two polygons that share an edge
 * share no pixel.
 *
 * @param {Point[]} points at least three
 * @param {number} width of the mask
 * @param {number} height of the mask
 * @param {OnSpan} onSpan
 */
export function polygonSpans(points, width, height, onSpan) {
  const ys = points.map((point) => point.y);
  const top = Math.max(0, Math.floor(Math.min(...ys))), bottom = Math.min(height - 1, Math.ceil(Math.max(...ys)));
  for (let y = top; y <= bottom; y++) {
    let winding = 0, start = 0;
    for (const crossing of crossings(points, y + 0.5)) {
      if (winding === 0) start = crossing.x;
      winding += crossing.turn;
      if (winding === 0) {
        const x0 = Math.max(0, Math.ceil(start - 0.5)), x1 = Math.min(width, Math.ceil(crossing.x - 0.5));
        if (x0 < x1) onSpan(y, x0, x1);
      }
    }
  }
}

/**
 * Where the edges cross a horizontal line, from left to right, and in which direction.
 *
 * @param {Point[]} points @param {number} y
 */
function crossings(points, y) {
  const found = [];
  for (let index = 0; index < points.length; index++) {
    const a = points[index], b = points[(index + 1) % points.length];
    if ((a.y <= y) === (b.y <= y)) continue;
    found.push({ x: a.x + ((y - a.y) * (b.x - a.x)) / (b.y - a.y), turn: b.y > a.y ? 1 : -1 });
  }
  return found.sort((one, other) => one.x - other.x);
}
