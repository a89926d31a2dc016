// @ts-check
"use strict";

/** Show the cards that fit the filters; no server is asked. */
function filterCards() {
  const form = /** @type {HTMLFormElement | null} */ (document.querySelector(".filters"));
  if (!form) return;
  const cards = allCards().map((card) => ({ card, text: (card.textContent || "").toLowerCase() }));
  const output = /** @type {HTMLOutputElement} */ (form.querySelector("output"));
  const apply = () => {
    const wanted = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
    const words = (wanted.text || "").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { card, text } of cards) {
      card.hidden = !(fitsCheck(card, wanted.check) && (!wanted.splits || card.dataset.splits === wanted.splits)
        && fits(card.dataset.classes, wanted.classes) && words.every((word) => text.includes(word)));
      shown += card.hidden ? 0 : 1;
    }
    output.textContent = (output.dataset.sentence || "").replace("{shown}", String(shown));
    form.classList.toggle("active", Object.values(wanted).some(Boolean));
    /** @type {HTMLElement} */ (document.querySelector(".none")).hidden = shown > 0;
  };
  form.addEventListener("input", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const link of document.querySelectorAll("a[data-concern]")) {
    link.addEventListener("click", () => { form.reset(); chooseConcern(form, link.dataset.concern); apply(); });
  }
  apply(); // a reloaded page keeps what was chosen
}

/** @returns {HTMLElement[]} */
function allCards() {
  return [...document.querySelectorAll(".evidence")];
}

/** Whether a card is of a check, or of a concern, which is written as "@concern". */
function fitsCheck(card, wanted) {
  return !wanted || (wanted[0] === "@" ? card.dataset.concern === wanted.slice(1) : card.dataset.check === wanted);
}

/** Whether one of a card's values is the wanted one; "" wants all. */
function fits(values, wanted) {
  return !wanted || (values || "").split(" ").includes(wanted);
}

/** Choose all checks of a concern, or its only one. */
function chooseConcern(form, concern) {
  const select = form.elements.namedItem("check");
  const options = [...select.options];
  const whole = options.find((option) => option.value === `@${concern}`);
  const only = allCards().find((card) => card.dataset.concern === concern)?.dataset.check;
  select.value = whole ? whole.value : only || "";
}

/** "/" searches, J and K move from card to card, Enter enlarges. */
function obeyKeys() {
  document.addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (target.matches("input, select, textarea")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    const search = /** @type {HTMLInputElement | null} */ (document.querySelector(".filters input"));
    if (event.key === "/" && search) {
      event.preventDefault();
      search.focus();
    } else if (event.code === "KeyJ" || event.code === "KeyK") {
      move(event.code === "KeyJ" ? 1 : -1);
    } else if (event.key === "Enter" && target.matches(".evidence")) {
      event.preventDefault(); // or this very Enter would press the button that the dialog focuses
      target.querySelector("button")?.click();
    }
  });
}

/** Go to the next or the previous card that is shown, from the one that has the focus or is being read. */
function move(step) {
  const cards = allCards().filter((card) => !card.hidden);
  const focused = cards.findIndex((card) => card.contains(document.activeElement));
  const read = cards.findIndex((card) => card.getBoundingClientRect().top > 120);
  const next = focused >= 0 ? focused + step : step > 0 ? Math.max(read, 0) : read - 1;
  const card = cards[Math.min(Math.max(next, 0), cards.length - 1)];
  card?.focus({ preventScroll: true });
  card?.scrollIntoView({ block: "nearest", behavior: "instant" });
}

/** Draw each figure when it comes near, all of them before printing. */
function drawWhenNear() {
  const draw = (element) => {
    if (element.dataset.drawn) return;
    element.dataset.drawn = "soon";
    drawFigure(element, figures[element.dataset.figure || ""]);
  };
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((each) => each.isIntersecting)) draw(entry.target);
  }, { rootMargin: "800px" });
  for (const element of charts()) watcher.observe(element);
  addEventListener("beforeprint", () => charts().forEach(draw));
}

filterCards();
obeyKeys();
drawWhenNear();
