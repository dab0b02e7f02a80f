"use strict";
// A table that sorts, pages and opens its rows, with a mouse, a keyboard or a screen reader.
pertoken.table = (function () {
  const { el } = pertoken;
  let tables = 0;
  /** Tables of which all rows were asked for; they stay so while sliders and filters redraw them. */
  const whole = new Set();

  function compare(a, b) {
    if (a === b) return 0;
    if (a === null || a === undefined) return 1;
    if (b === null || b === undefined) return -1;
    return typeof a === "string" ? a.localeCompare(b) : a - b;
  }

  /** Rows in the order of a column; rows without a value come last in both directions. */
  function sorted(rows, column, direction) {
    const known = rows.filter((row) => ![null, undefined].includes(column.value(row)));
    const unknown = rows.filter((row) => [null, undefined].includes(column.value(row)));
    known.sort((a, b) => direction * compare(column.value(a), column.value(b)));
    return known.concat(unknown);
  }

  /**
   * columns: {key, label, value(row), cell(row), number, class, sortable=true}. `heads` names the column that heads a row
   * (else the first); with `details(row)` its cell opens them.
   * sort: "key" or "-key". onSort(sort) is told of a change.
   */
  function table(host, { caption, columns, rows, sort, onSort, details, rowClass, page = 25, empty, heads = columns[0].key }) {
    const element = document.getElementById(host);
    const id = host + "-" + (tables += 1);
    const inHand = element.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    if (!rows.length) {
      element.replaceChildren(el("p", { class: "empty" }, empty));
      return;
    }

    function draw(current, focus) {
      const descending = current.startsWith("-");
      const key = current.replace(/^-/, "");
      const column = columns.find((candidate) => candidate.key === key) || columns[0];
      const order = sorted(rows, column, descending ? -1 : 1);
      const head = columns.map(function (one) {
        const mine = one.key === column.key;
        if (one.sortable === false) return el("th", { scope: "col", class: one.class }, one.label);
        const next = mine && !descending ? "-" + one.key : one.key;
        return el("th", { scope: "col", class: [one.number && "number", one.class].filter(Boolean).join(" ") || null,
          "aria-sort": mine ? (descending ? "descending" : "ascending") : "none" },
        el("button", { type: "button", "data-key": one.key, onclick: () => { draw(next, one.key); if (onSort) onSort(next); } }, one.label));
      });
      const body = order.slice(0, whole.has(host) ? order.length : page).flatMap((row, at) => line(row, id + "-" + at));
      const isCut = !whole.has(host) && order.length > page;
      element.replaceChildren(
        el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
          el("table", {}, el("caption", {}, caption), el("thead", {}, el("tr", {}, head)), el("tbody", {}, body))),
        isCut
          ? el("div", { class: "more" }, el("button", { type: "button", class: "button", onclick: () => { whole.add(host); draw(current); } },
            "Show all " + order.length), "Showing " + page + " of " + order.length)
          : "",
      );
      if (focus) element.querySelector(`[data-key="${focus}"]`).focus();
    }

    function line(row, name) {
      const cells = columns.map(function (column) {
        const content = [column.cell ? column.cell(row) : column.value(row)].flat();
        const style = [column.number && "number", column.class].filter(Boolean).join(" ") || null;
        if (column.key !== heads) return el("td", { class: style }, content.map(text));
        if (!details) return el("th", { class: style, scope: "row" }, content.map(text));
        const [first, ...others] = content;
        const opener = el("button", { type: "button", class: "open", "aria-expanded": "false", "aria-controls": name,
          onclick: () => toggle(opener, row, name) }, text(first));
        return el("th", { scope: "row", class: style }, opener, others.map(text));
      });
      return [el("tr", { class: rowClass ? rowClass(row) : null }, cells),
        ...(details ? [el("tr", { class: "details", id: name, hidden: true })] : [])];
    }

    function text(content) {
      return content === null || content === undefined ? "" : content instanceof Node ? content : String(content);
    }

    async function toggle(opener, row, name) {
      const open = opener.getAttribute("aria-expanded") !== "true";
      const target = document.getElementById(name);
      opener.setAttribute("aria-expanded", String(open));
      if (open) target.replaceChildren(el("td", { colspan: columns.length }, await details(row)));
      target.hidden = !open;
    }

    draw(sort, inHand);
  }

  return table;
})();
