"use strict";
// What every page of figures shares: loading, the state in the address, building elements, writing numbers, charts.
const pertoken = (function () {
  const files = JSON.parse(document.getElementById("files").textContent);
  const arrived = new Map();
  const waiting = new Map();

  // --- figures -------------------------------------------------------------------------------------------------------

  function unpack(table) {
    const names = Object.keys(table.columns);
    const columns = names.map(function (name) {
      const column = table.columns[name];
      return Array.isArray(column) ? column : column.at.map((place) => (place === null ? null : column.words[place]));
    });
    return Array.from({ length: table.rows }, function (_, number) {
      const row = {};
      names.forEach((name, at) => { row[name] = columns[at].length ? columns[at][number] : null; });
      return row;
    });
  }

  function receive(name, tables) {
    const isFigures = Object.values(tables).every((table) => table && table.columns);
    const value = isFigures
      ? Object.fromEntries(Object.entries(tables).map(([key, table]) => [key, unpack(table)]))
      : tables;
    arrived.set(name, value);
    (waiting.get(name) || []).forEach((settle) => settle.resolve(value));
    waiting.delete(name);
  }

  function script(source) {
    return new Promise(function (resolve, reject) {
      const element = document.createElement("script");
      element.src = source;
      element.onload = resolve;
      element.onerror = () => reject(new Error("cannot load " + source));
      document.head.append(element);
    });
  }

  /** The tables of one file of figures, or null where the site has no such file. */
  function load(name) {
    if (arrived.has(name)) return Promise.resolve(arrived.get(name));
    if (!Object.hasOwn(files, name)) return Promise.resolve(null);
    return new Promise(function (resolve, reject) {
      const first = !waiting.has(name);
      if (first) waiting.set(name, []);
      waiting.get(name).push({ resolve, reject });
      if (first) script(files[name]).catch((error) => waiting.get(name).forEach((settle) => settle.reject(error)));
    });
  }

  // --- state in the address ------------------------------------------------------------------------------------------

  /** Values named in `defaults`, read from and kept in the part of the address after #. */
  function state(defaults, changed) {
    const values = {};
    function read() {
      const given = new URLSearchParams(location.hash.slice(1));
      Object.keys(defaults).forEach((key) => { values[key] = given.has(key) ? given.get(key) : defaults[key]; });
    }
    function set(changes) {
      Object.assign(values, changes);
      const kept = new URLSearchParams();
      Object.keys(defaults).forEach((key) => { if (values[key] !== defaults[key]) kept.set(key, values[key]); });
      const hash = kept.toString();
      history.replaceState(null, "", hash ? "#" + hash : location.pathname.split("/").pop() || "./");
      changed(values);
    }
    addEventListener("hashchange", function () { read(); changed(values); });
    read();
    return { values, set };
  }

  /** Binds a <select> to a value of the state; a value that is no option falls back to the first. */
  function bind(state, name) {
    const select = document.getElementById(name);
    select.addEventListener("change", () => state.set({ [name]: select.value }));
  }

  function show(values, names) {
    names.forEach(function (name) {
      const select = document.getElementById(name);
      if (select.value !== values[name]) select.value = values[name];
      if (select.selectedIndex < 0 && select.options.length) { select.selectedIndex = 0; values[name] = select.value; }
    });
  }

  /** Puts options after the first `fixed` ones of a select and keeps its value where it still is one. */
  function options(name, list, fixed) {
    const select = document.getElementById(name);
    const kept = select.value;
    while (select.options.length > fixed) select.remove(fixed);
    list.forEach(([value, label]) => select.add(new Option(label, value)));
    select.value = kept;
    if (select.selectedIndex < 0) select.selectedIndex = 0;
  }

  // --- elements ------------------------------------------------------------------------------------------------------

  /** el("td", {class: "number"}, "text", child): text is always text, never markup. */
  function el(tag, attributes, ...children) {
    const element = document.createElement(tag);
    Object.entries(attributes || {}).forEach(function ([name, value]) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
    });
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
    return element;
  }

  function svg(tag, attributes, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    element.append(...children);
    return element;
  }

  function fact(kind, title, big, ...lines) {
    return el("div", { class: "fact " + kind }, el("h2", {}, title), el("p", { class: "big" }, big),
      lines.filter(Boolean).map((line) => el("p", {}, line)));
  }

  // --- numbers -------------------------------------------------------------------------------------------------------

  function number(value, digits) {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }

  /** USD with three significant figures or cents, whichever is more. */
  function usd(value) {
    if (value === null || value === undefined || !Number.isFinite(value)) return "–";
    if (value === 0) return "$0";
    if (value >= 1000) return "$" + number(value, 0);
    if (value >= 1) return "$" + number(value, 2);
    const digits = Math.min(8, 2 - Math.floor(Math.log10(value)));
    return "$" + number(value, Math.max(3, digits));
  }

  function percent(value) {
    if (value === null || value === undefined) return "–";
    const share = value * 100;
    return number(share, share < 10 && share % 1 > 1e-9 ? 1 : 0) + " %";
  }

  function amount(value) {
    if (value === null || value === undefined) return "–";
    if (value >= 1e12) return number(value / 1e12, value < 1e13 ? 1 : 0) + "T";
    if (value >= 1e9) return number(value / 1e9, value < 1e10 ? 1 : 0) + "B";
    if (value >= 1e6) return number(value / 1e6, value < 1e7 ? 1 : 0) + "M";
    return number(value, value < 10 && value % 1 ? 1 : 0);
  }

  /** "1 offer", "3 offers". */
  function count(value, thing) {
    return number(value, 0) + " " + thing + (value === 1 ? "" : "s");
  }

  /** Hours from a moment to now: a page may be read long after it was made. */
  function hoursSince(seconds) {
    return seconds === null || seconds === undefined ? null : Math.max(0, Date.now() / 1000 - seconds) / 3600;
  }

  function age(hours) {
    if (hours === null || hours === undefined) return "unknown age";
    if (hours < 1) return Math.round(hours * 60) + " min";
    return hours < 48 ? number(hours, hours < 10 ? 1 : 0) + " h" : Math.round(hours / 24) + " days";
  }

  function when(seconds) {
    const at = new Date(seconds * 1000).toISOString();
    return at.slice(0, 10) + " " + at.slice(11, 16) + " UTC";
  }

  // --- charts --------------------------------------------------------------------------------------------------------

  const drawn = new Map();
  let vega = null;

  function colours() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue("--" + name).trim();
    const dark = style.colorScheme === "dark";
    return {
      background: "transparent",
      font: "system-ui, -apple-system, Segoe UI, Roboto, sans-serif",
      view: { stroke: null },
      style: { front: { color: of("rent"), opacity: 1 }, others: { color: of("soft"), opacity: 0.45 } },
      axis: { labelColor: of("soft"), titleColor: of("soft"), gridColor: of("line"), domain: false, tickColor: of("line"),
        labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", labelPadding: 6, titlePadding: 10, labelLimit: innerWidth < 640 ? 165 : 240 },
      legend: { orient: "bottom", columns: innerWidth < 640 ? 1 : 3, labelLimit: 340, symbolOpacity: 1, symbolBaseFillColor: of("soft"), symbolBaseStrokeColor: of("soft"), labelColor: of("ink"), titleColor: of("soft"), labelFontSize: 12, symbolStrokeWidth: 2, rowPadding: 4, columnPadding: 18 },
      range: { category: dark
        ? ["#4fc4ae", "#95a9f5", "#eba268", "#d993c8", "#c9cf6a", "#79b8e0", "#f0908a", "#b6a4e8"]
        : ["#0b7a6b", "#3d56b8", "#b45f1a", "#9b3d86", "#6d7414", "#2b7bab", "#b13a3a", "#6a4fb3"] },
    };
  }

  /** Draws the specification `name` with `rows` into an element; says `empty` where there are none. */
  async function chart(host, name, rows, empty, label, height) {
    const element = document.getElementById(host);
    drawn.set(host, [host, name, rows, empty, label, height]);
    if (!rows.length) {
      element.replaceChildren(el("p", { class: "message" }, empty));
      return;
    }
    vega = vega || script(files.vega);
    const [specifications] = await Promise.all([load("charts"), vega]);
    if (drawn.get(host)[2] !== rows) return;
    const specification = { ...specifications[name], datasets: { rows }, description: label, ...(height ? { height } : {}) };
    await window.vegaEmbed(element, specification, {
      actions: false, ast: true, renderer: "svg", defaultStyle: false, config: colours(),
      tooltip: { disableDefaultStyle: true },
    });
  }

  document.addEventListener("themechange", () => drawn.forEach((what) => chart(...what)));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach((what) => chart(...what)));

  return { receive, load, state, bind, show, options, el, svg, fact, number, usd, percent, amount, count, hoursSince, age, when, chart };
})();
