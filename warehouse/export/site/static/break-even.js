"use strict";
(async function () {
  const { el, fact, usd, percent, amount, number, load, options } = pertoken;
  const shared = await load("prices");
  const gpus = new Map(shared.gpus.map((row) => [row.gpu, row]));
  const models = new Map(shared.models.map((row) => [row.model, row]));
  const control = (id) => document.getElementById(id);
  const state = pertoken.state({ workload: shared.workloads[0].workload, model: "llama-3.3-70b", quant: "", board: "trusted" }, draw);
  ["workload", "model", "quant", "board"].forEach((id) => pertoken.bind(state, id));
  const COMPARATORS = {
    same_model_cheapest: "Same model, same class of bits, cheapest host", same_model_median: "Same model, same class of bits, median host",
    any_quant_cheapest: "Same model, any host", frontier: "Frontier",
  };
  const machine = (count, gpu) => `${count} × ${gpus.has(gpu) ? gpus.get(gpu).name : gpu}`;
  const modelName = (id) => (models.has(id) ? models.get(id).name : id);

  let turn = 0;
  async function draw(values) {
    const mine = (turn += 1);
    pertoken.show(values, ["workload", "board"]);
    const { break_even: all } = await load("break-even/" + values.workload);
    if (mine !== turn) return;
    const ofBoard = all.filter((row) => row.board === values.board);
    options("model", [...new Set(ofBoard.map((row) => row.model))].map((id) => [id, modelName(id)]).sort((a, b) => a[1].localeCompare(b[1])), 0);
    if (!ofBoard.length) { nothing(); return; }
    pertoken.show(values, ["model"]);
    const ofModel = ofBoard.filter((row) => row.model === values.model);
    const cheapestFirst = ofModel.slice().sort((a, b) => a.usd_per_mtok_full_load - b.usd_per_mtok_full_load);
    options("quant", [...new Set(cheapestFirst.map((row) => row.quant))].map((id) => [id, id]), 0);
    if (!values.quant) values.quant = cheapestFirst[0].quant;
    pertoken.show(values, ["quant"]);
    drawField(ofModel.filter((row) => row.quant === values.quant));
  }

  function nothing() {
    control("answer").replaceChildren();
    control("table").replaceChildren(el("p", { class: "empty" }, "Nothing is ranked on this board for this workload."));
    pertoken.chart("chart", "break_even", [], "Nothing to draw.", "");
  }

  function comparator(row) {
    if (row.comparator === "frontier") return modelName(row.comparator_model);
    return { same_model_cheapest: "Same bits, cheapest host", same_model_median: "Same bits, median host", any_quant_cheapest: "Any host" }[row.comparator]
      + (row.comparator_provider ? ` (${row.comparator_provider})` : "");
  }

  function drawField(rows) {
    const [one] = rows;
    // USD per 1M tokens = fixed / utilisation + each, from its values at full and at half load.
    const fixed = one.usd_per_mtok_at_50 - one.usd_per_mtok_full_load;
    const each = one.usd_per_mtok_full_load - fixed;
    const known = rows.filter((row) => row.usd_per_mtok_api !== null);
    const rented = `${machine(one.gpu_count, one.gpu)}, ${one.source}, ${one.quant}`;
    const [low, high] = [one.usd_per_mtok_low, one.usd_per_mtok_high].map((usd) => (usd === null ? fixed : (usd - each) * one.utilization));
    const curve = Array.from({ length: 101 }, (_, at) => 0.005 * 200 ** (at / 100)).map((utilization) => ({ kind: "curve", name: rented, utilization,
      usd: fixed / utilization + each, low: low / utilization + each, high: high / utilization + each }));
    const apis = known.map((row) => ({ kind: "api", name: comparator(row), usd: row.usd_per_mtok_api, meets: row.break_even_utilization }));
    pertoken.chart("chart", "break_even", curve.concat(apis), "Nothing to draw.", `USD per 1M tokens of ${rented} against utilisation, with APIs as lines across; the table below has the figures.`);
    control("answer").replaceChildren(
      fact("rent", "At full load", usd(one.usd_per_mtok_full_load), rented),
      fact("rent", "At 10 % load", usd(fixed / 0.1 + each), "per 1M tokens, in and out"),
      ...["any_quant_cheapest", "frontier"].map((name) => meets(known.filter((row) => row.comparator === name), name)));
    drawTable(rows);
  }

  function meets(rows, name) {
    const title = name === "frontier" ? "Beats the cheapest frontier from" : "Beats any host from";
    const cheapest = rows.slice().sort((a, b) => a.usd_per_mtok_api - b.usd_per_mtok_api)[0];
    if (!cheapest) return fact("", title, "–", name === "frontier" ? "No frontier API has a price." : "No API sells this model at a price we have.");
    return fact(name === "frontier" ? "frontier" : "buy", title, cheapest.break_even_utilization === null ? "never" : percent(cheapest.break_even_utilization),
      cheapest.break_even_utilization === null ? `even full load costs more than ${usd(cheapest.usd_per_mtok_api)}` : `utilisation, against ${usd(cheapest.usd_per_mtok_api)} at ${cheapest.comparator_provider}`);
  }

  function drawTable(rows) {
    pertoken.table("table", {
      caption: "Break-even against each API", rows,
      columns: [
        { key: "api", label: "API", value: comparator, cell: (row) => [row.comparator === "frontier" ? modelName(row.comparator_model) : COMPARATORS[row.comparator],
          el("span", { class: "under flush" }, row.comparator === "frontier" ? el("span", { class: "chip frontier" }, "frontier") : "", row.comparator_provider || (row.comparator_hosts ? `${row.comparator_hosts} hosts` : "nobody sells this class"))] },
        { key: "usd", label: "Its price", number: true, value: (row) => row.usd_per_mtok_api, cell: (row) => el("span", { class: "buyprice" }, usd(row.usd_per_mtok_api)) },
        { key: "meets", label: "Break-even", number: true, value: (row) => row.break_even_utilization ?? (row.verdict === "never" ? 9 : null), cell: (row) => ({ self_hosted_from: percent(row.break_even_utilization), never: "never" }[row.verdict] || "–") },
        { key: "hour", label: "Tokens an hour", number: true, class: "wide-only", value: (row) => row.tokens_per_hour, cell: (row) => amount(row.tokens_per_hour) },
        { key: "month", label: "Smallest volume a month", number: true, class: "narrow-hide", value: (row) => row.mtok_per_month, cell: (row) => (row.mtok_per_month === null ? "–" : [amount(row.mtok_per_month * 1e6), el("span", { class: "range" }, `${machine(row.volume_gpu_count, row.volume_gpu)}, ${row.volume_source}`)]) },
        { key: "always", label: "Always pays from", number: true, class: "wide-only", value: (row) => row.mtok_per_month_always, cell: (row) => (row.mtok_per_month_always === null ? "–" : amount(row.mtok_per_month_always * 1e6)) },
      ],
      sort: "usd", empty: "There is no API to compare with.",
    });
  }

  draw(state.values);
})();
