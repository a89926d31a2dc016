// @ts-check
/**
 * Rectangles of whole pixels.
 *
 * @typedef {{x0: number, y0: number, x1: number, y1: number}} Rect  x0 <= x < x1, y0 <= y < y1
 * @typedef {{x: number, y: number}} Point  in pixels of the photo; the first pixel reaches from 0 to 1
 */

/** The rectangle that holds both; either may be null. @param {Rect|null} a @param {Rect|null} b @returns {Rect|null} */
export function union(a, b) {
  if (!a || !b) return a ?? b;
  return {
    x0: Math.min(a.x0, b.x0), y0: Math.min(a.y0, b.y0), x1: Math.max(a.x1, b.x1), y1: Math.max(a.y1, b.y1),
  };
}

/** The part of a rectangle inside of `width` x `height`, or null. @param {Rect} rect @returns {Rect|null} */
export function clip(rect, /** @type {number} */ width, /** @type {number} */ height) {
  const x0 = Math.max(0, rect.x0), y0 = Math.max(0, rect.y0);
  const x1 = Math.min(width, rect.x1), y1 = Math.min(height, rect.y1);
  return x0 < x1 && y0 < y1 ? { x0, y0, x1, y1 } : null;
}

/** The smallest rectangle of whole pixels round points, `margin` wider on each side. @param {Point[]} points */
export function around(points, margin = 0) {
  const xs = points.map((point) => point.x), ys = points.map((point) => point.y);
  return {
    x0: Math.floor(Math.min(...xs) - margin), y0: Math.floor(Math.min(...ys) - margin),
    x1: Math.ceil(Math.max(...xs) + margin), y1: Math.ceil(Math.max(...ys) + margin),
  };
}
