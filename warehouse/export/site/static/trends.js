"use strict";
(async function () {
  const { el, usd, number, when, load, options } = pertoken;
  const shared = await load("prices");
  const { movers } = await load("movers");
  const gpus = new Map(shared.gpus.map((row) => [row.gpu, row]));
  const name = (gpu) => (gpus.has(gpu) ? gpus.get(gpu).name : gpu);
  const modelName = new Map(shared.models.map((row) => [row.model, row.name]));
  const control = (id) => document.getElementById(id);
  const drawnGpus = [...control("add").options].map((option) => option.value).filter(Boolean);
  const drawnModels = [...control("model").options].map((option) => option.value);
  const first = ["h100-sxm-80gb", "a100-sxm-80gb", "rtx-4090-24gb"].filter((gpu) => drawnGpus.includes(gpu));
  const state = pertoken.state({
    gpus: (first.length ? first : drawnGpus.slice(0, 3)).join(","), board: "trusted", size: "1", source: "", step: "",
    model: drawnModels.includes("llama-3.3-70b") ? "llama-3.3-70b" : drawnModels[0] || "", component: "output", host: "", window: "24", kind: "gpu", moved: "trusted",
  }, draw);
  ["board", "size", "source", "step", "model", "component", "host", "window", "kind", "moved"].forEach((id) => pertoken.bind(state, id));
  options("add", drawnGpus.map((gpu) => [gpu, name(gpu)]), 1);
  options("model", drawnModels.map((model) => [model, modelName.get(model) || model]), 0);
  control("add").addEventListener("change", function () {
    const chosen = new Set(chosenGpus(state.values).concat(control("add").value));
    control("add").value = "";
    state.set({ gpus: [...chosen].filter(Boolean).join(",") });
  });

  function chosenGpus(values) { return values.gpus.split(",").filter((gpu) => drawnGpus.includes(gpu)); }

  const LINES = 8;
  /** From the longest to the shortest; the first there is shows the whole history. */
  const STEPS = { week: "All, median of each week", day: "Three months, median of each day", run: "Two weeks, every run" };
  let before = {};
  function draw(values) {
    pertoken.show(values, ["board", "size", "model", "component", "window", "kind", "moved"]);
    const changed = (...keys) => keys.some((key) => before[key] !== values[key]);
    if (changed("gpus", "board", "size", "source", "step")) drawGpus(values);
    if (changed("model", "component", "host")) drawApi(values);
    if (changed("window", "kind", "moved")) drawMovers(values);
    before = { ...values };
  }

  /** The rows of the lines that end lowest: more than these cannot be told apart. How many lines there were, too. */
  function cheapest(rows) {
    const last = new Map();
    rows.slice().sort((a, b) => a.at - b.at).forEach((row) => last.set(row.series, row.usd));
    const kept = new Set([...last].sort((a, b) => a[1] - b[1]).slice(0, LINES).map(([series]) => series));
    return { rows: rows.filter((row) => kept.has(row.series)), lines: last.size };
  }

  function leftOut(lines) { return lines > LINES ? ` Drawn are the ${LINES} lowest of ${lines} lines.` : ""; }

  let turn = 0;
  async function drawGpus(values) {
    const mine = (turn += 1);
    const chosen = chosenGpus(values);
    control("gpus").replaceChildren(...chosen.map((gpu) => el("li", {}, el("button", { type: "button", "aria-label": "Remove " + name(gpu),
      onclick: () => state.set({ gpus: chosen.filter((other) => other !== gpu).join(",") }) }, name(gpu)))));
    const parts = await Promise.all(chosen.map((gpu) => load("gpu/" + gpu)));
    if (mine !== turn) return;
    const every = parts.filter(Boolean).flatMap((part) => part.gpu_price_history);
    options("step", Object.keys(STEPS).filter((step) => every.some((row) => row.step === step)).map((step) => [step, STEPS[step]]), 0);
    pertoken.show(values, ["step"]);
    const rows = every.filter((row) => row.step === values.step).filter((row) => row.board === values.board && row.gpu_count === Number(values.size));
    options("source", [...new Set(rows.map((row) => row.source))].sort().map((id) => [id, id]), 1);
    pertoken.show(values, ["source"]);
    const shown = rows.filter((row) => !values.source || row.source === values.source).map((row) => ({
      at: row.as_of * 1000, series: `${name(row.gpu)}, ${row.source}`, usd: row.usd_per_gpu_hour,
      low: Math.min(row.usd_per_gpu_hour_p10 ?? row.usd_per_gpu_hour, row.usd_per_gpu_hour), high: Math.max(row.usd_per_gpu_hour_p50 ?? row.usd_per_gpu_hour, row.usd_per_gpu_hour),
      machines: row.n_machines, rule: row.price_rule, dot: rows.length > 300 ? 9 : 42,
    }));
    const drawn = cheapest(shown);
    control("gpu-caption").textContent = "USD per GPU-hour. A pale dot has too few machines behind it to be ranked" + (values.board === "interruptible" ? "; marketplace floors are the lowest bid that is accepted, not prices anyone paid." : ".") + leftOut(drawn.lines);
    pertoken.chart("gpu-chart", "gpu_history", drawn.rows, "No price of these GPUs in this size on this board yet.", "USD per GPU-hour over time of " + chosen.map(name).join(", "));
  }

  let apiTurn = 0;
  async function drawApi(values) {
    const mine = (apiTurn += 1);
    const part = await load("api/" + values.model);
    if (mine !== apiTurn) return;
    const rows = (part ? part.api_price_history : []).filter((row) => row.component === values.component);
    const all = steps(rows);
    options("host", [...new Set(all.map((row) => row.series))].sort((a, b) => a.localeCompare(b)).map((host) => [host, host]), 1);
    pertoken.show(values, ["host"]);
    const drawn = cheapest(all.filter((row) => !values.host || row.series === values.host));
    control("api-caption").textContent = "USD per 1M tokens. The grey band runs from the lowest to the median host." + leftOut(drawn.lines);
    pertoken.chart("api-chart", "api_history", drawn.rows, "No host states this price.", "USD per 1M tokens over time by host");
  }

  /** "novita/fp8, via openrouter": what tells an endpoint apart, once. */
  function host(row) {
    const named = row.endpoint || row.provider;
    const tells = (word) => word && word !== "unknown" && !named.toLowerCase().includes(word.toLowerCase());
    return [named, tells(row.provider) ? row.provider : "", tells(row.quant) ? row.quant : "", row.time_band === "all" ? "" : row.time_band.replaceAll("_", "-"),
      row.source !== row.provider ? "via " + row.source : ""].filter(Boolean).join(", ");
  }

  /** Changes -> one point per host and moment at which any price changed, and now; each with the band over hosts. */
  function steps(rows) {
    const newest = Math.max(...shared.gpu_prices.map((row) => row.observed_at), ...rows.map((row) => row.observed_at));
    const moments = [...new Set(rows.map((row) => row.observed_at).concat(newest))].sort((a, b) => a - b);
    const series = new Map();
    rows.forEach(function (row) {
      const key = host(row);
      if (!series.has(key)) series.set(key, []);
      series.get(key).push(row);
    });
    return moments.flatMap(function (moment) {
      const inForce = [...series].map(([key, changes]) => [key, changes.filter((row) => row.observed_at <= moment).pop()])
        .filter(([, row]) => row && row.change !== "gone" && row.usd_per_mtok !== null);
      const values = inForce.map(([, row]) => row.usd_per_mtok).sort((a, b) => a - b);
      const middle = Math.floor(values.length / 2);
      const median = values.length % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
      return inForce.map(([key, row]) => ({ at: moment * 1000, series: key, usd: row.usd_per_mtok, low: values[0], high: median }));
    });
  }

  function drawMovers(values) {
    const rows = movers.filter((row) => row.kind === values.kind && row.window_hours === Number(values.window)
      && (values.kind === "api" || values.moved === "any" || row.board === values.moved));
    control("moved").disabled = values.kind === "api";
    const move = (row) => (row.factor ? Math.abs(Math.log(row.factor)) : null);
    const what = (row) => (row.kind === "gpu" ? name(row.gpu) : modelName.get(row.model) || row.model || row.model_name);
    const change = (row) => (row.factor ? (row.factor > 1 ? "+" : "−") + number(Math.abs(row.factor - 1) * 100, Math.abs(row.factor - 1) < 0.1 ? 1 : 0) + " %" : "–");
    pertoken.table("movers", {
      caption: `${rows.length} ${values.kind === "gpu" ? "GPU" : "API"} prices moved${values.kind === "gpu" ? ": configurations ranked then and now" : ", of those sellers list themselves"}`, rows,
      columns: [
        { key: "what", label: values.kind === "gpu" ? "GPU" : "Model", value: what, cell: (row) => [el("bdi", {}, what(row)), el("span", { class: "under flush" }, row.kind === "gpu" ? `${row.gpu_count} ${row.gpu_count === 1 ? "GPU" : "GPUs"}, ${row.source}, ${row.board}` : `${row.provider}, ${row.component.replaceAll("_", " ")}${row.tier === "standard" ? "" : ", " + row.tier}`)] },
        { key: "old", label: "Then", number: true, value: (row) => row.old_usd, cell: (row) => [usd(row.old_usd), el("span", { class: "range wide-only" }, when(row.old_observed_at))] },
        { key: "new", label: "Now", number: true, value: (row) => row.new_usd, cell: (row) => usd(row.new_usd) },
        { key: "move", label: "Move", number: true, value: move, cell: (row) => el("span", { class: "chip " + (row.factor < 1 ? "ok" : "failed") }, change(row)) },
        { key: "since", label: "Since", class: "narrow-hide", value: (row) => row.since_at, cell: (row) => when(row.since_at) },
      ],
      sort: "-move", page: 15, empty: "Nothing moved in this time, or there is no history of this length yet.",
    });
  }

  draw(state.values);
})();
