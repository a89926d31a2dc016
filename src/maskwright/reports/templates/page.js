// @ts-check
"use strict";

/** Draw the curves that stand as JSON in the page. */
function drawCharts() {
  const holder = document.getElementById("figures");
  if (!holder) return;
  const figures = JSON.parse(holder.textContent || "{}");
  for (const element of charts()) {
    const figure = figures[element.dataset.figure || ""];
    for (const trace of figure.data) trace.meta.iteration = trace.x;
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
  for (const input of document.querySelectorAll("input[name=axis]")) input.addEventListener("change", applyAxis);
  document.getElementById("measure")?.addEventListener("change", applyMeasure);
  for (const button of document.querySelectorAll(".keys button")) button.addEventListener("click", toggleLine);
  applyAxis();
}

/** @returns {HTMLElement[]} */
function charts() {
  return [...document.querySelectorAll(".chart")];
}

/** Show the curves over iterations or over minutes, as the switch stands. */
function applyAxis() {
  const chosen = /** @type {HTMLInputElement} */ (document.querySelector("input[name=axis]:checked"));
  for (const element of charts()) {
    const { data, layout } = /** @type {any} */ (element);
    const end = layout.meta.end[chosen.value];
    const range = [-0.005 * end, 1.02 * end];
    const changes = { "xaxis.range": range, "xaxis.title.text": chosen.dataset.title, "xaxis.title.standoff": 8,
      "xaxis.unifiedhovertitle.text": `${chosen.dataset.title}: %{x}` };
    const best = layout.meta.best;
    if (best) Object.assign(changes, { "shapes[0].x0": best[chosen.value], "shapes[0].x1": best[chosen.value] });
    if (layout.annotations?.length) Object.assign(changes, { "annotations[0].x": best[chosen.value] });
    Plotly.update(element, { x: data.map((trace) => trace.meta[chosen.value]) }, changes);
  }
}

/** Show or hide the line whose key was pressed. */
function toggleLine(event) {
  const button = /** @type {HTMLElement} */ (event.currentTarget);
  const shown = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(shown));
  const chart = button.closest("figure")?.querySelector(".chart");
  Plotly.restyle(chart, { visible: shown ? true : "legendonly" }, [Number(button.dataset.line)]);
}

/** Show the measure per class that is chosen in the list. */
function applyMeasure() {
  const chosen = /** @type {HTMLSelectElement} */ (document.getElementById("measure")).value;
  const element = charts().find((chart) => chart.dataset.figure === "per_class");
  const { data } = /** @type {any} */ (element);
  Plotly.restyle(element, { y: data.map((trace) => trace.meta[chosen]) });
}

drawCharts();
