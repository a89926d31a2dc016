// @ts-check
"use strict";

for (const element of charts()) drawFigure(element, figures[element.dataset.figure || ""]);
