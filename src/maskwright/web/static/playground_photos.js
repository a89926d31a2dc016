// @ts-check
/** The ways in which a photo comes: chosen, dropped, pasted, or out of the camera. */

import { element } from "./app.js";
import { say } from "./sentences.js";

/** @typedef {(blob: Blob, name: string) => void} Take */

/** @param {Take} take @param {() => boolean} empty whether no photo is there yet */
export function mountPhotos(take, empty) {
  for (const id of ["file", "shot"]) {
    element(id).addEventListener("change", (/** @type {Event} */ event) => {
      const input = /** @type {HTMLInputElement} */ (event.target), file = input.files?.[0];
      if (file) take(file, file.name);
      input.value = ""; // so that the same file can be chosen again
    });
  }
  element("view").addEventListener("click", () => { if (empty()) element("file").click(); });
  element("view").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => { if (empty() && ["Enter", " "].includes(event.key)) element("file").click(); });
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((each) => each.type.startsWith("image/"));
    if (file) take(file, file.name && file.name !== "image.png" ? file.name : say("pasted"));
  });
  mountDrop(take);
  mountCamera(take);
}

/** @param {Take} take */
function mountDrop(take) {
  let depth = 0; // how many nested elements the pointer has entered
  const show = () => { element("drop").hidden = depth === 0; };
  const files = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => { if (files(event)) { depth++; show(); } });
  document.addEventListener("dragleave", (event) => { if (files(event)) { depth = Math.max(0, depth - 1); show(); } });
  document.addEventListener("dragover", (event) => { if (files(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    depth = 0;
    show();
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    take(file, file.name);
  });
}

/** @type {MediaStream|null} */
let stream = null;

/** Show what the camera sees, or let the phone's own camera program take the photo. */
export async function openCamera() {
  if (!navigator.mediaDevices?.getUserMedia) return element("shot").click(); // a page without HTTPS may not ask for it
  const dialog = element("camera"), trouble = element("camera-trouble");
  trouble.hidden = true;
  element("shutter").disabled = true;
  dialog.showModal();
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1920 } } });
    if (!dialog.open) return stop(); // closed while the browser asked
    element("video").srcObject = stream;
    element("shutter").disabled = false;
  } catch (error) {
    trouble.hidden = false;
    trouble.textContent = say("camera_none", { error: /** @type {Error} */ (error).name });
  }
  return undefined;
}

/** @param {Take} take */
function mountCamera(take) {
  element("camera").addEventListener("close", stop);
  element("shutter").addEventListener("click", () => {
    const video = /** @type {HTMLVideoElement} */ (element("video")), canvas = document.createElement("canvas");
    Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    canvas.toBlob((blob) => { if (blob) take(blob, say("shot")); }, "image/jpeg", 0.92);
    element("camera").close();
  });
}

function stop() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  element("video").srcObject = null;
}
