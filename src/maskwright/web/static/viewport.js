// @ts-check
/**
 * Which part of the photo is seen, and how large: one value that all panes share.
 *
 * @typedef {{scale: number, x: number, y: number}} Viewport  CSS pixels per pixel of the photo; the point of the photo in
 *   the pane's upper left corner
 * @typedef {{width: number, height: number}} Size
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {import("./geometry.js").Rect} Rect
 */

const LARGEST = 80; // CSS pixels per pixel of the photo: seven pixels across a small pane
const MARGIN = 14; // CSS pixels left free round a photo that fits

/** The whole photo in the middle of a pane. @param {Size} photo @param {Size} pane @returns {Viewport} */
export function fitting(photo, pane) {
  const wide = (pane.width - 2 * MARGIN) / photo.width, high = (pane.height - 2 * MARGIN) / photo.height;
  return centred({ x: photo.width / 2, y: photo.height / 2 }, Math.max(0.005, Math.min(wide, high, LARGEST)), pane);
}

/** A point in the middle of a pane. @param {Point} point @param {number} scale @param {Size} pane @returns {Viewport} */
export function centred(point, scale, pane) {
  return { scale, x: point.x - pane.width / scale / 2, y: point.y - pane.height / scale / 2 };
}

/** A region with something round it. @param {Rect} rect @param {Size} photo @param {Size} pane @returns {Viewport} */
export function closeUp(rect, photo, pane) {
  const size = Math.max(rect.x1 - rect.x0, rect.y1 - rect.y0, 24), least = fitting(photo, pane).scale;
  const scale = Math.max(least, Math.min(24, (0.62 * Math.min(pane.width, pane.height)) / size));
  return centred({ x: (rect.x0 + rect.x1) / 2, y: (rect.y0 + rect.y1) / 2 }, scale, pane);
}

/**
 * Nearer or farther, while the point of the photo under `at` stays where it is.
 *
 * @param {Viewport} view
 * @param {number} factor above 1 is nearer
 * @param {Point} at in CSS pixels of the pane
 * @param {Size} photo
 * @param {Size} pane
 * @returns {Viewport}
 */
export function zoomed(view, factor, at, photo, pane) {
  const least = fitting(photo, pane).scale / 4;
  const scale = Math.max(least, Math.min(LARGEST, view.scale * factor));
  const point = toPhoto(view, at);
  return kept({ scale, x: point.x - at.x / scale, y: point.y - at.y / scale }, photo, pane);
}

/** Moved by CSS pixels. @param {Viewport} view @param {number} dx @param {number} dy @param {Size} photo @param {Size} pane */
export function panned(view, dx, dy, photo, pane) {
  return kept({ ...view, x: view.x - dx / view.scale, y: view.y - dy / view.scale }, photo, pane);
}

/** The photo cannot leave the pane: a quarter of the pane always shows it. @param {Viewport} view @param {Size} photo @param {Size} pane */
function kept(view, photo, pane) {
  const wide = pane.width / view.scale, high = pane.height / view.scale;
  const marginX = Math.min(0.75 * wide, photo.width), marginY = Math.min(0.75 * high, photo.height);
  return {
    scale: view.scale,
    x: Math.max(marginX - wide, Math.min(photo.width - marginX, view.x)),
    y: Math.max(marginY - high, Math.min(photo.height - marginY, view.y)),
  };
}

/** @param {Viewport} view @param {Point} at in CSS pixels of the pane @returns {Point} in pixels of the photo */
export function toPhoto(view, at) {
  return { x: view.x + at.x / view.scale, y: view.y + at.y / view.scale };
}

/** @param {Viewport} view @param {Point} point in pixels of the photo @returns {Point} in CSS pixels of the pane */
export function toPane(view, point) {
  return { x: (point.x - view.x) * view.scale, y: (point.y - view.y) * view.scale };
}
