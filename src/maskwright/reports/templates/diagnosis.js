// @ts-check
"use strict";

/** Show the photos of the chosen cause and class in the chosen order, a screenful first; no server is asked. */
function sortErrors() {
  const form = /** @type {HTMLFormElement | null} */ (document.querySelector(".sorting"));
  const grid = document.querySelector(".panels.errors");
  if (!form || !grid) return;
  const output = /** @type {HTMLOutputElement} */ (form.querySelector("output"));
  const more = /** @type {HTMLButtonElement} */ (form.querySelector(".more"));
  const cards = [...grid.querySelectorAll("figure")].map((element) => ({ element, facts: element.dataset,
    kinds: /** @type {Record<string, string>} */ (JSON.parse(element.dataset.kinds || "{}")),
    dice: /** @type {Record<string, number>} */ (JSON.parse(element.dataset.dice || "{}")),
    px: /** @type {Record<string, Record<string, number>>} */ (JSON.parse(element.dataset.px || "{}")) }));
  const step = Number(form.dataset.most);
  let most = step;

  /** The wrong pixels of a card that are of the cause and the class, or of all where none is chosen. */
  const affected = (card, cause, name) => Object.entries(card.px)
    .filter(([own]) => !cause || own === cause)
    .flatMap(([, byClass]) => Object.entries(byClass))
    .reduce((sum, [own, count]) => sum + (!name || own === name ? count : 0), 0);

  const apply = () => {
    const wanted = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
    const kind = wanted.show[0] === "@" ? wanted.show.slice(1) : "";
    const cause = kind ? "" : wanted.show;
    const score = (card) => card.dice[wanted.class] ?? Number(card.facts.mdice);
    const orders = {
      px: (card) => -affected(card, cause, wanted.class),
      worst: score,
      best: (card) => -score(card),
      unsure: (card) => Number(card.facts.expected),
      surprising: (card) => Number(card.facts.mdice) - Number(card.facts.expected),
    };
    const order = orders[kind && wanted.sort === "px" ? kind : wanted.sort];
    const having = (card) => (!cause && (!wanted.class || wanted.class in card.dice)) || affected(card, cause, wanted.class) > 0;
    const fitting = cards.filter((card) => (kind ? card.kinds[wanted.class] === kind : having(card)));
    fitting.sort((one, other) => order(one) - order(other));
    for (const card of cards) card.element.hidden = true;
    fitting.forEach((card, place) => {
      grid.append(card.element);
      card.element.hidden = place >= most;
    });
    output.textContent = (output.dataset.sentence || "").replace("{shown}", String(Math.min(most, fitting.length)))
      .replace("{all}", String(fitting.length));
    more.hidden = fitting.length <= most;
  };
  form.addEventListener("input", () => { most = step; apply(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => { most += 2 * step; apply(); });
  apply(); // a reloaded page keeps what was chosen
}

sortErrors();
