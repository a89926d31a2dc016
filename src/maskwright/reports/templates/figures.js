// @ts-check
"use strict";

/** The figures that stand as JSON in the page, by name. @type {Record<string, any>} */
const figures = JSON.parse(document.getElementById("figures")?.textContent || "{}");

/** @returns {HTMLElement[]} */
function charts() {
  return [...document.querySelectorAll(".chart")];
}

/** Draw one figure; print scales it by its ratio. */
function drawFigure(element, figure) {
  const setRatio = () => {
    const { _fullLayout: full } = /** @type {any} */ (element);
    element.style.setProperty("--ratio", `${full.width / full.height}`);
    for (const svg of element.querySelectorAll(".main-svg")) {
      svg.setAttribute("viewBox", `0 0 ${full.width} ${full.height}`); // lets print scale it
    }
  };
  Plotly.newPlot(element, figure.data, figure.layout, { displayModeBar: false, responsive: true }).then(() => {
    setRatio();
    /** @type {any} */ (element).on("plotly_afterplot", setRatio);
    element.dataset.drawn = "yes";
  });
}

/** Show or hide the lines whose key was pressed. */
function toggleLines(event) {
  const button = /** @type {HTMLElement} */ (event.currentTarget);
  const shown = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(shown));
  const chart = button.closest("figure")?.querySelector(".chart");
  Plotly.restyle(chart, { visible: shown ? true : "legendonly" }, button.dataset.lines.split(" ").map(Number));
}

for (const button of document.querySelectorAll(".keys button")) button.addEventListener("click", toggleLines);
