// @ts-check
"use strict";

/** Show a word's definition, which stands at the page's foot, beside the word. */
function explainTerms() {
  const tip = /** @type {HTMLElement} */ (document.getElementById("tip"));
  const show = (event) => {
    const word = event.target instanceof Element && event.target.closest(".term");
    if (!word) return;
    tip.textContent = document.getElementById(word.getAttribute("aria-describedby"))?.textContent || "";
    tip.hidden = false;
    const box = word.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left), document.documentElement.clientWidth - tip.offsetWidth - 8);
    const below = box.bottom + 8 + tip.offsetHeight < innerHeight;
    tip.style.left = `${left}px`;
    tip.style.top = `${below ? box.bottom + 8 : box.top - 8 - tip.offsetHeight}px`;
  };
  const hide = () => { tip.hidden = true; };
  for (const name of ["mouseover", "focusin"]) document.addEventListener(name, show);
  for (const name of ["mouseout", "focusout", "scroll"]) document.addEventListener(name, hide, { passive: true });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
}

/** Enlarge a picture; the arrow keys step through its neighbours, Escape closes. */
function enlargePictures() {
  const viewer = /** @type {HTMLDialogElement} */ (document.getElementById("viewer"));
  const image = /** @type {HTMLImageElement} */ (viewer.querySelector("img"));
  const caption = /** @type {HTMLElement} */ (viewer.querySelector("figcaption"));
  const all = () => /** @type {HTMLElement[]} */ ([...document.querySelectorAll("button.enlarge")]);
  let buttons = all();
  let place = 0;
  const show = (wanted) => {
    place = (wanted + buttons.length) % buttons.length;
    const small = /** @type {HTMLImageElement} */ (buttons[place].querySelector("img"));
    image.src = small.src;
    image.alt = small.alt;
    caption.textContent = /** @type {HTMLElement} */ (buttons[place]).dataset.caption || "";
  };
  for (const button of all()) {
    button.addEventListener("click", () => {
      buttons = all().filter((each) => !each.closest("[hidden]"));
      show(buttons.indexOf(button));
      viewer.showModal();
    });
  }
  viewer.querySelector(".back")?.addEventListener("click", () => show(place - 1));
  viewer.querySelector(".on")?.addEventListener("click", () => show(place + 1));
  viewer.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") show(place - 1);
    if (event.key === "ArrowRight") show(place + 1);
  });
  viewer.addEventListener("click", (event) => { if (event.target === viewer) viewer.close(); });
  viewer.addEventListener("close", () => /** @type {HTMLElement} */ (buttons[place]).focus());
}

/** Mark in the navigation which part of the page is being read. */
function followReading() {
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.getAttribute("href"), link]));
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(`#${entry.target.id}`)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  for (const section of document.querySelectorAll("main section")) watcher.observe(section);
}

addEventListener("beforeprint", () => { for (const part of document.querySelectorAll("details")) part.open = true; });
explainTerms();
enlargePictures();
followReading();
