"use strict";
(async function () {
  const { el, usd, percent, number, hoursSince, age, load, cost } = pertoken;
  const shared = await load("prices");
  const workloads = new Map(shared.workloads.map((row) => [row.workload, row]));
  const gpus = new Map(shared.gpus.map((row) => [row.gpu, row]));
  const prices = cost.prices(shared.gpu_prices);
  const state = pertoken.state({ board: "trusted", provider: "", size: "", thin: "", workload: shared.workloads[0].workload, model: "llama-3.3-70b", sort: "" }, draw);
  ["board", "provider", "size", "thin", "workload", "model"].forEach((name) => pertoken.bind(state, name));
  const name = (gpu) => (gpus.has(gpu) ? gpus.get(gpu).name : gpu);

  /** Names have to fit beside a chart. */
  function short(label) { return innerWidth < 640 ? label.replace("GeForce ", "").replace(" Blackwell", "") : label; }

  let before = {};
  function draw(values) {
    pertoken.show(values, ["board", "size", "thin", "workload", "model"]);
    const changed = (...keys) => keys.some((key) => before[key] !== values[key]);
    if (changed("board", "provider", "size", "thin")) drawPrices(values);
    if (changed("board", "provider", "workload", "model")) drawTokens(values);
    before = { ...values };
  }

  function drawPrices(values) {
    const ofBoard = shared.gpu_prices.filter((row) => (!values.board || row.board === values.board) && row.usd_per_gpu_hour !== null
      && (values.thin || row.exclusion_reason === null));
    pertoken.options("provider", [...new Set(shared.gpu_prices.map((row) => row.source))].sort().map((id) => [id, id]), 1);
    pertoken.show(values, ["provider"]);
    const asked = ofBoard.filter((row) => (!values.provider || row.source === values.provider) && (!values.size || row.gpu_count === Number(values.size)));
    const rows = values.size ? asked : cheapestOf(asked, (row) => [row.board, row.source, row.gpu].join("|"), (row) => row.usd_per_gpu_hour);
    const marks = rows.map((row) => ({ gpu: short(name(row.gpu)), board: row.board, source: row.source, usd: row.usd_per_gpu_hour, machines: row.n_machines, size: pertoken.count(row.gpu_count, "GPU") }));
    pertoken.chart("gpu-chart", "gpu_prices", marks, "No GPU has a price for this choice.", "USD per GPU-hour of each GPU by provider; the table below has the same figures.",
      60 + 20 * new Set(marks.map((mark) => mark.gpu)).size);
    pertoken.table("gpu-table", {
      caption: "USD per GPU-hour, by provider and board", rows,
      columns: [
        { key: "gpu", label: "GPU", value: (row) => name(row.gpu), cell: (row) => [name(row.gpu), el("span", { class: "under flush" }, `${number(row.memory_gib, 0)} GiB${row.interconnect ? ", " + row.interconnect : ""}`)] },
        { key: "source", label: "Provider", value: (row) => row.source, cell: (row) => [row.source, el("span", { class: "under flush" }, row.board)] },
        { key: "size", label: "GPUs", number: true, class: "narrow-hide", value: (row) => row.gpu_count },
        { key: "usd", label: "Per GPU-hour", number: true, value: (row) => row.usd_per_gpu_hour, cell: (row) => [el("span", { class: "price" }, usd(row.usd_per_gpu_hour)), el("span", { class: "range" }, row.usd_per_hour_p50 ? "median " + usd(row.usd_per_hour_p50 / row.gpu_count) : "")] },
        { key: "machines", label: "Machines", number: true, value: (row) => row.n_machines },
        { key: "rule", label: "Rule", class: "wide-only", value: (row) => row.price_rule, cell: (row) => el("span", { class: "chip" + (row.exclusion_reason ? " warn" : "") }, row.price_kind === "spot_floor" ? row.price_rule + ", reserve price" : row.price_rule) },
        { key: "bandwidth", label: "Memory GB/s", number: true, class: "wide-only", value: (row) => (gpus.get(row.gpu) || {}).bandwidth_gb_per_s, cell: (row) => { const speed = (gpus.get(row.gpu) || {}).bandwidth_gb_per_s; return speed ? number(speed, 0) : "–"; } },
        { key: "age", label: "Age", number: true, class: "wide-only", value: (row) => hoursSince(row.observed_at), cell: (row) => age(hoursSince(row.observed_at)) },
      ],
      sort: values.sort || "usd", onSort: (sort) => state.set({ sort: sort === "usd" ? "" : sort }), rowClass: () => "rent",
      empty: "No GPU has a price for this choice.",
    });
  }

  function cheapestOf(rows, group, value) {
    const best = new Map();
    rows.forEach((row) => { const key = group(row); if (!best.has(key) || value(row) < value(best.get(key))) best.set(key, row); });
    return [...best.values()];
  }

  let turn = 0;
  async function drawTokens(values) {
    const mine = (turn += 1);
    const board = await load("board/" + values.workload);
    if (mine !== turn) return;
    const workload = workloads.get(values.workload);
    const unit = cost.perUnit("mtok", workload);
    const rows = board.rented.filter((row) => row.model === values.model && (!values.board || row.board === values.board) && (!values.provider || row.source === values.provider))
      .map(function (row) {
        const price = prices.get(cost.key(row));
        const at = cost.rented(row, price, workload, workload.default_utilization, 0);
        return { ...row, price, usd: at.request * unit, low: at.request_low * unit, high: at.request_high * unit, speed: row.tokens_per_s_per_user };
      })
      .sort((a, b) => a.usd - b.usd || b.speed - a.speed);
    let fastest = -Infinity;
    rows.forEach((row) => { row.front = row.speed > fastest; fastest = Math.max(fastest, row.speed); });
    const label = (row) => `${row.gpu_count} × ${name(row.gpu)}, ${row.source}, ${row.quant}`;
    pertoken.chart("front-chart", "speed_and_price", rows.map((row) => ({ usd: row.usd, speed: row.speed, name: label(row), front: row.front })),
      "No ranked configuration serves this model for this workload on this board.", "Tokens per second for one user against USD per 1M tokens.");
    pertoken.table("front-table", {
      caption: `USD per 1M tokens, in and out, at ${percent(workload.default_utilization)} utilisation: the cheapest configuration of each GPU, and the front`,
      rows: [...new Set([...cheapestOf(rows, (row) => row.gpu, (row) => row.usd), ...rows.filter((row) => row.front)])],
      columns: [
        { key: "gpu", label: "Configuration", value: (row) => name(row.gpu), cell: (row) => [`${row.gpu_count} × ${name(row.gpu)}`, el("span", { class: "under flush" }, `${row.source}, ${row.quant} `, row.front ? el("span", { class: "chip rent" }, "front") : "")] },
        { key: "usd", label: "Price", number: true, value: (row) => row.usd, cell: (row) => [el("span", { class: "price" }, usd(row.usd)), el("span", { class: "range" }, usd(row.low) + " to " + usd(row.high))] },
        { key: "speed", label: "Tokens/s per user", number: true, value: (row) => row.speed, cell: (row) => number(row.speed, 0) },
        { key: "throughput", label: "Tokens/s in all", number: true, class: "wide-only", value: (row) => row.output_tokens_per_s, cell: (row) => number(row.output_tokens_per_s, 0) },
        { key: "basis", label: "Throughput is", class: "wide-only", value: (row) => row.throughput_basis, cell: (row) => row.throughput_basis },
        { key: "machines", label: "Machines", number: true, class: "narrow-hide", value: (row) => row.price.n_machines },
      ],
      sort: "usd", rowClass: () => "rent", empty: "Nothing is ranked here.",
    });
  }

  draw(state.values);
})();
