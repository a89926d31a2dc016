// Before the first paint: the theme that the person chose on an earlier visit.
const chosen = localStorage.getItem("maskwright-theme");
if (chosen) document.documentElement.dataset.theme = chosen;
