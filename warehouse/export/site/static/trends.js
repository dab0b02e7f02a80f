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
    gpus: (first.length ? first : drawnGpus.slice(0, 3)).join(","), board: "trusted", size: "1", source: "",
    model: drawnModels.includes("llama-3.3-70b") ? "llama-3.3-70b" : drawnModels[0] || "", component: "output", window: "24", kind: "gpu", moved: "",
  }, draw);
  ["board", "size", "source", "model", "component", "window", "kind", "moved"].forEach((id) => pertoken.bind(state, id));
  options("add", drawnGpus.map((gpu) => [gpu, name(gpu)]), 1);
  options("model", drawnModels.map((model) => [model, modelName.get(model) || model]), 0);
  control("add").addEventListener("change", function () {
    const chosen = new Set(chosenGpus(state.values).concat(control("add").value));
    control("add").value = "";
    state.set({ gpus: [...chosen].filter(Boolean).join(",") });
  });

  function chosenGpus(values) { return values.gpus.split(",").filter((gpu) => drawnGpus.includes(gpu)); }

  let before = {};
  function draw(values) {
    pertoken.show(values, ["board", "size", "model", "component", "window", "kind", "moved"]);
    const changed = (...keys) => keys.some((key) => before[key] !== values[key]);
    if (changed("gpus", "board", "size", "source")) drawGpus(values);
    if (changed("model", "component")) drawApi(values);
    if (changed("window", "kind", "moved")) drawMovers(values);
    before = { ...values };
  }

  let turn = 0;
  async function drawGpus(values) {
    const mine = (turn += 1);
    const chosen = chosenGpus(values);
    control("gpus").replaceChildren(...chosen.map((gpu) => el("li", {}, el("button", { type: "button", "aria-label": "Remove " + name(gpu),
      onclick: () => state.set({ gpus: chosen.filter((other) => other !== gpu).join(",") }) }, name(gpu)))));
    const parts = await Promise.all(chosen.map((gpu) => load("gpu/" + gpu)));
    if (mine !== turn) return;
    const rows = parts.filter(Boolean).flatMap((part) => part.gpu_price_history).filter((row) => row.board === values.board && row.gpu_count === Number(values.size));
    options("source", [...new Set(rows.map((row) => row.source))].sort().map((id) => [id, id]), 1);
    pertoken.show(values, ["source"]);
    const shown = rows.filter((row) => !values.source || row.source === values.source).map((row) => ({
      at: row.as_of * 1000, series: `${name(row.gpu)}, ${row.source}`, gpu: row.gpu, usd: row.usd_per_gpu_hour,
      low: Math.min(row.usd_per_gpu_hour_p10 ?? row.usd_per_gpu_hour, row.usd_per_gpu_hour), high: Math.max(row.usd_per_gpu_hour_p50 ?? row.usd_per_gpu_hour, row.usd_per_gpu_hour),
      machines: row.n_machines, rule: row.price_rule,
    }));
    control("gpu-caption").textContent = "USD per GPU-hour. A pale dot has too few machines behind it to be ranked" + (values.board === "interruptible" ? "; marketplace floors are the lowest bid that is accepted, not prices anyone paid." : ".");
    pertoken.chart("gpu-chart", "gpu_history", shown, "No price of these GPUs in this size on this board yet.", "USD per GPU-hour over time of " + chosen.map(name).join(", "));
  }

  let apiTurn = 0;
  async function drawApi(values) {
    const mine = (apiTurn += 1);
    const part = await load("api/" + values.model);
    if (mine !== apiTurn) return;
    const rows = (part ? part.api_price_history : []).filter((row) => row.component === values.component);
    pertoken.chart("api-chart", "api_history", steps(rows), "No host states this price.", "USD per 1M tokens over time by host");
  }

  /** Changes -> one point per host and moment at which any price changed, and now; each with the band over hosts. */
  function steps(rows) {
    const newest = Math.max(...shared.gpu_prices.map((row) => row.observed_at), ...rows.map((row) => row.observed_at));
    const moments = [...new Set(rows.map((row) => row.observed_at).concat(newest))].sort((a, b) => a - b);
    const series = new Map();
    rows.forEach(function (row) {
      const key = [row.provider, row.endpoint && row.endpoint !== row.provider ? row.endpoint : "", row.quant && row.quant !== "unknown" ? row.quant : "", row.time_band === "all" ? "" : row.time_band.replaceAll("_", "-"),
        row.source !== row.provider ? "via " + row.source : ""].filter(Boolean).join(", ");
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
      && (values.kind === "api" || !values.moved || row.board === values.moved));
    control("moved").disabled = values.kind === "api";
    const move = (row) => (row.factor ? Math.abs(Math.log(row.factor)) : null);
    const what = (row) => (row.kind === "gpu" ? name(row.gpu) : modelName.get(row.model) || row.model || row.model_name);
    const change = (row) => (row.factor ? (row.factor > 1 ? "+" : "−") + number(Math.abs(row.factor - 1) * 100, Math.abs(row.factor - 1) < 0.1 ? 1 : 0) + " %" : "–");
    pertoken.table("movers", {
      caption: `${rows.length} ${values.kind === "gpu" ? "GPU" : "API"} prices moved`, rows,
      columns: [
        { key: "what", label: values.kind === "gpu" ? "GPU" : "Model", value: what, cell: (row) => [el("bdi", {}, what(row)), el("span", { class: "under flush" }, row.kind === "gpu" ? `${row.gpu_count} ${row.gpu_count === 1 ? "GPU" : "GPUs"}, ${row.source}, ${row.board}` : `${row.provider}, ${row.component.replaceAll("_", " ")}${row.tier === "standard" ? "" : ", " + row.tier}`)] },
        { key: "old", label: "Then", number: true, value: (row) => row.old_usd, cell: (row) => usd(row.old_usd) },
        { key: "new", label: "Now", number: true, value: (row) => row.new_usd, cell: (row) => usd(row.new_usd) },
        { key: "move", label: "Move", number: true, value: move, cell: (row) => el("span", { class: "chip " + (row.factor < 1 ? "ok" : "failed") }, change(row)) },
        { key: "since", label: "Since", class: "narrow-hide", value: (row) => row.since_at, cell: (row) => when(row.since_at) },
      ],
      sort: "-move", page: 15, empty: "Nothing moved in this time, or there is no history of this length yet.",
    });
  }

  draw(state.values);
})();
