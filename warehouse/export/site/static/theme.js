"use strict";
// Before the first paint: whether the prices are old by now, and the reader's choice of light or dark, if there was one.
(function () {
  const page = document.documentElement;
  if (Date.now() - Date.parse(page.dataset.asOf) > 24 * 3600 * 1000) page.dataset.old = "";
  let chosen = null;
  try { chosen = localStorage.getItem("pertoken-theme"); } catch (error) { /* storage may be closed to pages on disk */ }
  if (chosen === "light" || chosen === "dark") page.dataset.theme = chosen;
  document.addEventListener("DOMContentLoaded", function () {
    const here = document.querySelector("nav [aria-current]");
    if (here) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.offsetLeft - 20;
    document.getElementById("theme").addEventListener("click", function () {
      const systemDark = matchMedia("(prefers-color-scheme: dark)").matches;
      const now = page.dataset.theme || (systemDark ? "dark" : "light");
      const next = now === "dark" ? "light" : "dark";
      page.dataset.theme = next;
      try { localStorage.setItem("pertoken-theme", next); } catch (error) { /* the choice lasts for this page */ }
      document.dispatchEvent(new Event("themechange"));
    });
  });
})();
