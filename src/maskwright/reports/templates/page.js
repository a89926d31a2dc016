// @ts-check
"use strict";

/** Draw the curves that stand as JSON in the page. */
function drawCharts() {
  for (const element of charts()) {
    const figure = figures[element.dataset.figure || ""];
    for (const trace of figure.data) trace.meta.iteration = trace.x;
    drawFigure(element, figure);
  }
  if (!charts().length) return;
  for (const input of document.querySelectorAll("input[name=axis]")) input.addEventListener("change", applyAxis);
  document.getElementById("measure")?.addEventListener("change", applyMeasure);
  applyAxis();
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

/** Show the measure per class that is chosen in the list. */
function applyMeasure() {
  const chosen = /** @type {HTMLSelectElement} */ (document.getElementById("measure")).value;
  const element = charts().find((chart) => chart.dataset.figure === "per_class");
  const { data } = /** @type {any} */ (element);
  Plotly.restyle(element, { y: data.map((trace) => trace.meta[chosen]) });
}

drawCharts();
