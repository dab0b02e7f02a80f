"use strict";
// Before the first paint: the reader's choice of light or dark, if there was one.
(function () {
  let chosen = null;
  try { chosen = localStorage.getItem("pertoken-theme"); } catch (error) { /* storage may be closed to pages on disk */ }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  document.addEventListener("DOMContentLoaded", function () {
    const here = document.querySelector("nav [aria-current]");
    if (here) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.offsetLeft - 20;
    document.getElementById("theme").addEventListener("click", function () {
      const systemDark = matchMedia("(prefers-color-scheme: dark)").matches;
      const now = document.documentElement.dataset.theme || (systemDark ? "dark" : "light");
      const next = now === "dark" ? "light" : "dark";
      document.documentElement.dataset.theme = next;
      try { localStorage.setItem("pertoken-theme", next); } catch (error) { /* the choice lasts for this page */ }
      document.dispatchEvent(new Event("themechange"));
    });
  });
})();
