"use strict";
(async function () {
  const { el, svg, fact, usd, percent, amount, count, hoursSince, age, when, number, load, cost } = pertoken;
  const shared = await load("prices");
  const workloads = new Map(shared.workloads.map((row) => [row.workload, row]));
  const models = new Map(shared.models.map((row) => [row.model, row]));
  const gpus = new Map(shared.gpus.map((row) => [row.gpu, row]));
  const prices = cost.prices(shared.gpu_prices);
  const assumed = Object.fromEntries(shared.assumptions.map((row) => [row.assumption, row.value]));
  const hoursPerMonth = assumed.people_setup_hours / assumed.people_months + assumed.people_hours_per_month;

  const BOARDS = { combined: ["trusted"], trusted: ["trusted"], community: ["community"], interruptible: ["interruptible"], api: [] };
  const BOUGHT_ON = ["combined", "api"];
  const REASONS = {
    thin: "too few machines above suspicion to set a price",
    interruptible: "this workload may not run on machines that can be taken away",
    disk_too_small: "the machine's disk is too small for the weights",
    context_too_short: "the context is shorter than the workload's request",
    output_limit: "the answer limit is below the workload's",
    contact_sales: "no public price",
    retired: "no longer listed",
    stale: "the price was last read too long ago",
    expired: "the price was last read too long ago",
    new: "seen by one run only: may not lead yet",
    unpriced: "the price is missing or zero",
    no_price: "a needed price is missing",
    uptime: "the host was up too little over the last day",
    degraded: "the host reports trouble",
    held: "the price changed in a way that waits for a second reading",
    quarantined: "the price was not believed",
  };

  const state = pertoken.state({
    workload: shared.workloads[0].workload, model: "", board: "combined", quant: "", gpu: "", provider: "", unit: "mtok",
    u: "", volume: "0", hours: String(hoursPerMonth), rate: String(assumed.people_usd_per_hour), sort: "", all: "",
  }, draw);
  ["model", "board", "quant", "gpu", "provider", "unit"].forEach((name) => pertoken.bind(state, name));
  const control = (name) => document.getElementById(name);
  control("workload").addEventListener("change", (event) => state.set({ workload: event.target.value, u: "" }));
  control("model").addEventListener("change", () => state.set({ sort: "" }));
  control("utilization").addEventListener("input", (event) => state.set({ u: event.target.value }));
  control("volume").addEventListener("input", (event) => state.set({ volume: String(tokensAt(Number(event.target.value))) }));
  control("hours").addEventListener("input", (event) => state.set({ hours: event.target.value }));
  control("rate").addEventListener("input", (event) => state.set({ rate: event.target.value }));

  /** The volume slider: off, then ten steps to each power of ten from a million tokens a month. */
  function tokensAt(step) { return step ? Number((10 ** (6 + (step - 1) / 10)).toPrecision(2)) : 0; }
  function stepOf(tokens) { return tokens > 0 ? Math.round((Math.log10(tokens) - 6) * 10) + 1 : 0; }

  function gpuName(id) { return gpus.has(id) ? gpus.get(id).name : id; }
  function modelName(id) { return models.has(id) ? models.get(id).name : id; }
  function machine(row) { return row.gpu_count + " × " + gpuName(row.gpu); }

  // --- rows at the state's utilisation, people and unit ----------------------------------------------------------------

  function settings(values) {
    const workload = workloads.get(values.workload) || shared.workloads[0];
    const asked = Number(values.u);
    const utilization = asked >= 1 && asked <= 100 ? asked / 100 : workload.default_utilization;
    const tokens = Math.max(0, Number(values.volume) || 0);
    const people = cost.people(Number(values.hours) || 0, Number(values.rate) || 0, tokens, workload);
    return { workload, utilization, tokens, people, unit: cost.perUnit(values.unit, workload) };
  }

  function priced(board, with_) {
    const rented = board.rented.map(function (row) {
      const price = prices.get(cost.key(row));
      const at = cost.rented(row, price, with_.workload, with_.utilization, with_.people);
      return { ...row, kind: "rent", host: row.source, price, usd: at.request * with_.unit, low: at.request_low * with_.unit,
        high: at.request_high * with_.unit, age: hoursSince(price.observed_at), observed_at: price.observed_at };
    });
    const bought = board.bought.map(function (row) {
      const value = row.usd_per_request * with_.unit;
      return { ...row, kind: "buy", board: "api", host: row.provider, usd: value, low: value, high: value, age: hoursSince(row.observed_at) };
    });
    return { rented, bought };
  }

  function byPrice(rows) {
    return rows.slice().sort((a, b) => a.usd - b.usd);
  }

  // --- drawing ---------------------------------------------------------------------------------------------------------

  let turn = 0;
  async function draw(values) {
    const mine = (turn += 1);
    pertoken.show(values, ["workload", "model", "board", "unit"]);
    const board = await load("board/" + values.workload);
    if (mine !== turn) return;
    const with_ = settings(values);
    showSliders(values, with_);
    const all = priced(board, with_);
    offerChoices(values, all);
    if (values.model) drawModel(values, with_, all);
    else drawOverview(values, with_, all);
    drawUnranked(values, board.unranked);
  }

  function showSliders(values, with_) {
    control("utilization").value = Math.round(with_.utilization * 100);
    control("utilization-shown").value = percent(with_.utilization);
    control("volume").value = stepOf(with_.tokens);
    control("volume-shown").value = with_.tokens ? amount(with_.tokens) + " tokens" : "none";
    control("hours").value = values.hours;
    control("hours-shown").value = values.hours + " h";
    control("rate").value = values.rate;
    control("rate-shown").value = "$" + values.rate + "/h";
    const each = with_.people * with_.unit;
    control("people-shown").textContent = with_.tokens ? "(" + usd(each) + " on every rented row)" : "(none)";
    if (with_.tokens) control("people").open = true;
  }

  function offerChoices(values, all) {
    const boards = BOARDS[values.board];
    const rented = all.rented.filter((row) => boards.includes(row.board) && (!values.model || row.model === values.model));
    const bought = all.bought.filter((row) => !values.model || row.model === values.model);
    const shown = BOUGHT_ON.includes(values.board) || !values.model ? rented.concat(bought) : rented;
    const distinct = (rows, of) => [...new Set(rows.map(of))].filter(Boolean).sort((a, b) => a.localeCompare(b));
    pertoken.options("quant", distinct(shown, (row) => row.quant).map((id) => [id, id]), 1);
    pertoken.options("gpu", distinct(rented, (row) => row.gpu).map((id) => [id, gpuName(id)]), 1);
    pertoken.options("provider", distinct(shown, (row) => row.host).map((id) => [id, id]), 1);
    pertoken.show(values, ["quant", "gpu", "provider"]);
    const filtered = ["quant", "gpu", "provider"].filter((name) => values[name]);
    control("filters-shown").textContent = filtered.length ? "(" + filtered.map((name) => control(name).selectedOptions[0].label).join(", ") + ")" : "";
    if (filtered.length) control("filters").open = true;
  }

  function keeps(values, row) {
    return (!values.quant || row.quant === values.quant) && (!values.gpu || row.gpu === values.gpu)
      && (!values.provider || row.host === values.provider);
  }

  // One model: every way to get its tokens.

  function drawModel(values, with_, all) {
    const rented = all.rented.filter((row) => row.model === values.model && BOARDS[values.board].includes(row.board));
    const bought = all.bought.filter((row) => row.model === values.model);
    const field = byPrice(BOUGHT_ON.includes(values.board) ? rented.concat(bought) : rented);
    field.forEach((row, at) => { row.place = at + 1; });
    const rows = field.filter((row) => keeps(values, row));
    control("answer").replaceChildren(...modelFacts(values, with_, rented, bought, all.bought));
    const extent = [Math.min(...rows.map((row) => row.low)), Math.max(...rows.map((row) => row.high))];
    pertoken.table("board-table", {
      caption: `${modelName(values.model)}: ${rows.length} ranked ${rows.length === 1 ? "way" : "ways"} to get the tokens of ${values.workload.replaceAll("_", " ")}, in ${unitName(values.unit)}`,
      rows,
      columns: [
        { key: "place", label: "Place", number: true, class: "place", value: (row) => row.place },
        { key: "way", label: "Rent or buy", value: (row) => row.host, cell: way },
        { key: "quant", label: "Quantisation", class: "narrow-hide", value: (row) => row.quant, cell: (row) => row.quant || "unknown" },
        { key: "usd", label: "Price", number: true, value: (row) => row.usd, cell: price },
        { key: "band", label: "Band", class: "bandcell wide-only", sortable: false, value: () => null, cell: (row) => band(row, extent) },
        { key: "speed", label: "Tokens/s per user", number: true, class: "wide-only", value: (row) => row.tokens_per_s_per_user,
          cell: (row) => (row.kind === "rent" ? number(row.tokens_per_s_per_user, 0) : "–") },
        { key: "machines", label: "Machines", number: true, class: "wide-only", value: (row) => (row.price ? row.price.n_machines : null),
          cell: (row) => (row.price ? row.price.n_machines : "–") },
        { key: "age", label: "Age", number: true, class: "narrow-hide", value: (row) => row.age, cell: (row) => age(row.age) },
      ],
      details: (row) => explanation(row, with_, values),
      heads: "way",
      sort: values.sort || "usd",
      onSort: (sort) => state.set({ sort: sort === "usd" ? "" : sort }),
      rowClass: (row) => row.kind,
      empty: "No ranked row for this choice. Below is why.",
    });
    drawFrontier(values, with_, all.bought);
  }

  function way(row) {
    const label = row.kind === "rent" ? machine(row) : row.host;
    const notes = warnings(row).map(([short, , mild]) => el("span", { class: "chip" + (mild ? "" : " warn") }, short));
    return [label, el("span", { class: "under" }, (row.kind === "rent" ? "rent at " + row.host : "API" + (row.tier !== "standard" ? ", " + row.tier : "")) + " ", ...notes)];
  }

  function price(row) {
    return [el("span", { class: "price" }, usd(row.usd)),
      row.kind === "rent" ? el("span", { class: "range" }, usd(row.low) + " to " + usd(row.high)) : ""];
  }

  function band(row, [low, high]) {
    const log = (value) => (high > low ? 2 + 96 * Math.log(value / low) / Math.log(high / low) : 50);
    const drawing = svg("svg", { class: "band", viewBox: "0 0 100 20", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("line", { class: "axis", x1: 0, x2: 100, y1: 10, y2: 10, "vector-effect": "non-scaling-stroke" }));
    if (row.high > row.low) drawing.append(svg("line", { class: "width " + row.kind, x1: log(row.low), x2: log(row.high), y1: 10, y2: 10, "vector-effect": "non-scaling-stroke" }));
    drawing.append(svg("line", { class: row.kind, x1: log(row.usd), x2: log(row.usd), y1: 4, y2: 16, "stroke-width": 3, "stroke-linecap": "round", "vector-effect": "non-scaling-stroke" }));
    return drawing;
  }

  /** What to know before trusting a row: [short, sentence, is mild]. */
  function warnings(row) {
    const found = [];
    if (row.kind === "buy") {
      if (row.promo) found.push(["promotion", "A promotional price that will end."]);
      if (row.freshness === "stale") found.push(["stale", "Last read " + age(row.age) + " ago."]);
      return found;
    }
    const price = row.price;
    if (row.throughput_basis === "estimated") found.push(["estimated", "Throughput is estimated from the hardware's figures, not calibrated on measurements of this GPU.", true]);
    if (price.price_kind === "spot_floor") found.push(["reserve price", "The lowest bid that is accepted, not a price anyone paid."]);
    if (price.price_rule === "median3") found.push(["few machines", `Only ${price.n_machines} machines sell this size: the price is the median of the three cheapest.`]);
    if (price.freshness === "stale") found.push(["stale", "Last read " + age(row.age) + " ago."]);
    if (price.is_new) found.push(["new", "Seen by one run only: it may not lead a board yet."]);
    if (price.survival_6h !== null && price.survival_6h < 0.5) found.push(["goes quickly", `About ${percent(price.survival_6h)} of such offers are still there six hours later.`]);
    if (price.n_bait_suspects) found.push(["bait seen", `${price.n_bait_suspects} offers too cheap to be believed were left out.`, true]);
    return found;
  }

  function modelFacts(values, with_, rented, bought, everything) {
    const facts = [];
    const best = byPrice(rented.filter((row) => keeps({ ...values, provider: rented.some((one) => one.host === values.provider) ? values.provider : "" }, row)))[0];
    if (values.board !== "api") {
      facts.push(best
        ? fact("rent", "Rent, cheapest", usd(best.usd), `${machine(best)} at ${best.host}, ${best.quant}`, `between ${usd(best.low)} and ${usd(best.high)} at ${percent(with_.utilization)} utilisation`,
          best.price.price_kind === "spot_floor" && "a reserve price, not a price anyone paid")
        : fact("rent", "Rent", "–", "No ranked configuration serves it on this board."));
    }
    const hosts = byPrice(bought);
    const byHost = hosts.filter((row, at) => hosts.findIndex((one) => one.host === row.host) === at).map((row) => row.usd);
    facts.push(hosts.length
      ? fact("buy", "Buy, cheapest host", usd(hosts[0].usd), `${hosts[0].host}, ${hosts[0].quant || "unknown"} quantisation`, best && verdict(best, hosts[0]))
      : fact("buy", "Buy", "–", "No API sells this model at a price we have."));
    if (byHost.length > 1) facts.push(fact("buy", "Buy, median host", usd(median(byHost)), `of ${byHost.length} hosts of the same model`));
    facts.push(frontierFact(everything));
    return facts;
  }

  function frontier(bought) {
    const best = new Map();
    byPrice(bought.filter((row) => models.get(row.model) && models.get(row.model).is_frontier))
      .forEach((row) => { if (!best.has(row.model)) best.set(row.model, row); });
    return [...best.values()];
  }

  function frontierFact(bought) {
    const rows = frontier(bought);
    if (!rows.length) return fact("frontier", "Frontier APIs", "–", "None has a price for this workload.");
    const last = rows[rows.length - 1];
    return fact("frontier", "Frontier APIs", usd(rows[0].usd), rows.length > 1
      ? `${modelName(rows[0].model)} is the cheapest of ${rows.length}, up to ${usd(last.usd)} for ${modelName(last.model)}` : modelName(rows[0].model));
  }

  function median(values) {
    const order = values.slice().sort((a, b) => a - b);
    const middle = Math.floor(order.length / 2);
    return order.length % 2 ? order[middle] : (order[middle - 1] + order[middle]) / 2;
  }

  /** Who is cheaper; an API price inside the rented row's band is too close to call. */
  function verdict(rent, buy) {
    const times = (value) => number(value, value < 10 ? 1 : 0) + "×";
    if (buy.usd >= rent.low && buy.usd <= rent.high) return "too close to call: inside the band of renting";
    return buy.usd < rent.usd ? `${times(rent.usd / buy.usd)} cheaper than renting` : `${times(buy.usd / rent.usd)} dearer than renting`;
  }

  function drawFrontier(values, with_, bought) {
    pertoken.table("frontier-table", {
      caption: "Frontier APIs, for the same request",
      rows: frontier(bought),
      columns: [
        { key: "model", label: "Model", value: (row) => modelName(row.model) },
        { key: "host", label: "Seller", class: "narrow-hide", value: (row) => row.host },
        { key: "usd", label: "Price", number: true, value: (row) => row.usd, cell: price },
        { key: "age", label: "Age", number: true, value: (row) => row.age, cell: (row) => age(row.age) },
      ],
      details: (row) => explanation(row, with_, values),
      sort: "usd", rowClass: () => "buy", empty: "No frontier API has a price for this workload.",
    });
  }

  // All models: the best of each.

  function drawOverview(values, with_, all) {
    const sells = (rows) => !values.provider || !rows.some((row) => row.host === values.provider) || values.provider;
    const only = (rows) => rows.filter((row) => keeps({ ...values, gpu: row.kind === "rent" ? values.gpu : "", provider: sells(rows) === values.provider ? values.provider : "" }, row));
    const best = (rows) => {
      const found = new Map();
      byPrice(rows).forEach((row) => { if (!found.has(row.model)) found.set(row.model, row); });
      return found;
    };
    const rent = best(only(all.rented.filter((row) => BOARDS[values.board].includes(row.board))));
    const buy = best(only(all.bought));
    const rows = [...new Set([...rent.keys(), ...buy.keys()])].map((model) => ({ model, rent: rent.get(model) || null, buy: buy.get(model) || null }));
    const listed = rows.filter((row) => row.rent || values.all || values.board === "api" || (models.get(row.model) || {}).is_frontier);
    control("answer").replaceChildren(...overviewFacts(with_, rows, all.bought));
    pertoken.table("board-table", {
      caption: `The best of each model for ${values.workload.replaceAll("_", " ")}, in ${unitName(values.unit)}, at ${percent(with_.utilization)} utilisation`,
      rows: listed,
      columns: [
        { key: "model", label: "Model", value: (row) => modelName(row.model), cell: modelCell },
        { key: "rent", label: "Rent", number: true, value: (row) => row.rent && row.rent.usd, cell: (row) => side(row.rent) },
        { key: "buy", label: "Buy", number: true, value: (row) => row.buy && row.buy.usd, cell: (row) => side(row.buy) },
        { key: "ratio", label: "Cheaper", class: "narrow-hide", value: (row) => (row.rent && row.buy ? row.rent.usd / row.buy.usd : null), cell: cheaper },
        { key: "usd", label: "Lowest", number: true, class: "wide-only muted", value: lowest, cell: (row) => usd(lowest(row)) },
      ],
      sort: values.sort || "usd",
      onSort: (sort) => state.set({ sort: sort === "usd" ? "" : sort }),
      page: 40,
      empty: "No ranked row for this choice. Below is why.",
    });
    const hidden = rows.length - listed.length;
    if (hidden || values.all) {
      control("board-table").append(el("div", { class: "more" }, el("button", { type: "button", class: "button", onclick: () => state.set({ all: values.all ? "" : "yes" }) },
        values.all ? "Hide models that are only sold" : `List ${hidden} more models that are only sold as an API`)));
    }
    control("frontier-table").replaceChildren();
  }

  function lowest(row) {
    return Math.min(row.rent ? row.rent.usd : Infinity, row.buy ? row.buy.usd : Infinity);
  }

  function modelCell(row) {
    const known = models.get(row.model) || {};
    const size = known.total_params_b ? number(known.total_params_b, known.total_params_b < 10 ? 1 : 0) + "B"
      + (known.active_params_b && known.active_params_b < known.total_params_b ? `, ${number(known.active_params_b, known.active_params_b < 10 ? 1 : 0)}B active` : "") : "";
    return [el("button", { type: "button", class: "link", onclick: () => { state.set({ model: row.model, sort: "" }); control("model").focus(); scrollTo(0, 0); } }, modelName(row.model)),
      el("span", { class: "under flush" }, known.is_frontier ? el("span", { class: "chip frontier" }, "frontier") : size)];
  }

  function side(row) {
    if (!row) return el("span", { class: "muted" }, "–");
    const what = row.kind === "rent" ? `${machine(row)}, ${row.host}, ${row.quant}${row.price.price_kind === "spot_floor" ? ", reserve price" : ""}` : `${row.host}${row.quant && row.quant !== "unknown" ? ", " + row.quant : ""}`;
    return [el("span", { class: row.kind + "price" }, usd(row.usd)),
      row.kind === "rent" ? el("span", { class: "range" }, usd(row.low) + " to " + usd(row.high)) : "",
      el("span", { class: "range what" }, what)];
  }

  function cheaper(row) {
    if (!row.rent || !row.buy) return el("span", { class: "muted" }, row.rent ? "only rented" : "only sold");
    if (row.buy.usd >= row.rent.low && row.buy.usd <= row.rent.high) return el("span", { class: "chip" }, "too close to call");
    const [kind, times] = row.buy.usd < row.rent.usd ? ["buy", row.rent.usd / row.buy.usd] : ["rent", row.buy.usd / row.rent.usd];
    return el("span", { class: "chip " + kind }, `${kind} ${number(times, times < 10 ? 1 : 0)}×`);
  }

  function overviewFacts(with_, rows, bought) {
    const both = rows.filter((row) => row.rent && row.buy);
    const close = both.filter((row) => row.buy.usd >= row.rent.low && row.buy.usd <= row.rent.high);
    const rent = both.filter((row) => row.buy.usd > row.rent.high);
    const facts = [];
    if (both.length) {
      facts.push(fact("rent", "Renting is clearly cheaper", `${rent.length} of ${both.length}`, `models at ${percent(with_.utilization)} utilisation; ${close.length} too close to call`));
      facts.push(fact("buy", "Buying is clearly cheaper", `${both.length - rent.length - close.length} of ${both.length}`, "against the cheapest host of the same model"));
    }
    const found = rows.filter((row) => row.rent).sort((a, b) => a.rent.usd - b.rent.usd)[0];
    if (found) facts.push(fact("rent", "Cheapest to rent", usd(found.rent.usd), `${modelName(found.model)}, ${found.rent.quant}, on ${machine(found.rent)} at ${found.rent.host}`));
    facts.push(frontierFact(bought));
    return facts;
  }

  function unitName(unit) {
    return { mtok: "USD per 1M tokens, in and out", mtok_output: "USD per 1M output tokens", requests: "USD per 1,000 requests" }[unit];
  }

  // --- what stands behind a row ------------------------------------------------------------------------------------------

  async function explanation(row, with_, values) {
    const notes = warnings(row).map(([, sentence]) => el("li", {}, sentence));
    return el("div", { class: "explain" }, row.kind === "rent" ? rentSteps(row, with_, values) : buySteps(row, with_, values),
      el("div", {}, notes.length ? [el("h3", {}, "What to know"), el("ul", {}, notes)] : [], await evidence(row)));
  }

  function rentSteps(row, with_, values) {
    const { price } = row;
    const requests = row.output_tokens_per_s * 3600 / with_.workload.osl_tokens;
    const served = requests * with_.utilization;
    const fixed = price.usd_per_hour + row.storage_usd_per_hour;
    const rules = { p10: "the machine at the tenth percentile of", median3: "the median of the three cheapest of", list: "the list price, from", thin: "thin:" };
    const steps = [
      `GPUs: ${machine(row)} at ${usd(price.usd_per_gpu_hour)} = ${usd(price.usd_per_hour)} an hour (${rules[price.price_rule] || price.price_rule} ${count(price.n_machines, price.price_rule === "list" ? "listing" : "machine")}).`,
      `Disk for ${number(row.weights_gib, 1)} GiB of weights: ${usd(row.storage_usd_per_hour)} an hour.`,
      `Serves ${number(row.output_tokens_per_s, 0)} output tokens/s at full load (${row.throughput_basis}; ${number(row.output_tokens_per_s_low, 0)} to ${number(row.output_tokens_per_s_high, 0)}), ${count(row.replicas, "copy").replace("copys", "copies")} of ${count(row.tp, "GPU")}, ${count(row.concurrency, "request")} at once, first token after ${number(row.ttft_ms, 0)} ms.`,
      `${number(row.output_tokens_per_s, 1)} × 3600 ÷ ${with_.workload.osl_tokens} = ${number(requests, 0)} requests an hour at full load, ${number(served, 0)} at ${percent(with_.utilization)} utilisation.`,
      `Per request: ${usd(fixed)} ÷ ${number(served, 0)}${row.traffic_usd_per_request ? " + " + usd(row.traffic_usd_per_request) + " traffic" : ""}${with_.people ? " + " + usd(with_.people) + " people" : ""} = ${usd(row.usd / with_.unit)}.`,
      `In ${unitName(values.unit)}: ${usd(row.usd)}, between ${usd(row.low)} and ${usd(row.high)}.`,
    ];
    if (with_.tokens) {
      const capacity = served * 730 * (with_.workload.isl_tokens + with_.workload.osl_tokens);
      steps.push(`${amount(with_.tokens)} tokens a month are ${number(with_.tokens / capacity, with_.tokens / capacity < 10 ? 2 : 0)} of what one such machine serves in a month at this utilisation; machines come whole.`);
    }
    return el("div", {}, el("h3", {}, "How the price is made"), el("ol", {}, steps.map((step) => el("li", {}, step))));
  }

  function buySteps(row, with_, values) {
    const { workload } = with_;
    return el("div", {}, el("h3", {}, "How the price is made"), el("ol", {},
      el("li", {}, `One request: ${number(workload.isl_tokens, 0)} tokens in${workload.cached_input_fraction ? ` (${percent(workload.cached_input_fraction)} of them cached)` : ""}, ${number(workload.osl_tokens, 0)} out, ${row.tier} tier.`),
      el("li", {}, `Per request: ${usd(row.usd_per_request)}, by the prices beside.`),
      el("li", {}, `In ${unitName(values.unit)}: ${usd(row.usd)}. An API price is a point: its band has no width.`)));
  }

  async function evidence(row) {
    return row.kind === "rent" ? offersBehind(row) : pricesBehind(row);
  }

  async function offersBehind(row) {
    const file = await load("offers/" + row.gpu);
    const found = (file ? file.offers : []).filter((offer) => cost.key(offer) === cost.key(row));
    const { price } = row;
    const behind = price.price_rule === "list" ? count(price.n_machines, "listing") + "."
      : `${count(price.n_offers, "offer")}, ${count(price.n_machines, "machine")}${price.n_hosts ? ", " + count(price.n_hosts, "host") : ""}; a machine costs ${usd(price.usd_per_hour_min)} (lowest), ${usd(price.usd_per_hour_p10)} (tenth percentile), ${usd(price.usd_per_hour_p25)} (quarter) or ${usd(price.usd_per_hour_p50)} (median) an hour.`;
    const head = el("p", {}, `Read ${when(price.observed_at)}. ${behind}`);
    if (!found.length) return [el("h3", {}, "Offers behind it"), head];
    return [el("h3", {}, "Offers behind it"), head, el("table", {}, el("caption", {}, found.length === 1 ? "The only one" : `The ${found.length} cheapest`),
      el("thead", {}, el("tr", {}, ["Offer", "As listed", "Per GPU-hour", "Left out because"].map((label, at) => el("th", { scope: "col", class: at === 2 ? "number" : null }, label)))),
      el("tbody", {}, found.map((offer) => el("tr", {}, el("td", {}, el("bdi", {}, offer.offer_id)), el("td", {}, el("bdi", {}, offer.gpu_name)),
        el("td", { class: "number" }, usd(offer.usd_per_gpu_hour)), el("td", {}, (offer.exclusion_reason || "").replaceAll("_", " "))))))];
  }

  async function pricesBehind(row) {
    const file = await load("endpoints");
    const same = ["source", "provider", "model", "quant"];
    const found = file.endpoint_prices.filter((price) => same.every((name) => price[name] === row[name]) && (price.endpoint || "") === (row.endpoint || ""));
    const length = (price) => (price.context_min_tokens || price.context_max_tokens
      ? `${amount(price.context_min_tokens)} to ${price.context_max_tokens ? amount(price.context_max_tokens) : "any"}` : "any");
    return [el("h3", {}, "Prices behind it"), el("p", {}, `Read ${when(row.observed_at)} from ${row.source}.`),
      el("table", {}, el("caption", {}, "USD per 1M tokens (fees: per request)"),
        el("thead", {}, el("tr", {}, ["What", "Tier", "Prompt tokens", "Price", "Status"].map((label, at) => el("th", { scope: "col", class: at === 3 ? "number" : null }, label)))),
        el("tbody", {}, found.slice(0, 40).map((price) => el("tr", {}, el("td", {}, price.component.replaceAll("_", " ") + (price.time_band === "all" ? "" : ", " + price.time_band.replaceAll("_", " "))),
          el("td", {}, price.tier), el("td", {}, length(price)), el("td", { class: "number" }, usd(price.usd_per_mtok)), el("td", {}, price.status)))))];
  }

  // --- what has no place -------------------------------------------------------------------------------------------------

  function drawUnranked(values, unranked) {
    const boards = BOARDS[values.board].concat(BOUGHT_ON.includes(values.board) ? ["api"] : []);
    const counts = new Map();
    unranked.filter((row) => boards.includes(row.board) && (!values.model || row.model === values.model))
      .forEach((row) => counts.set(row.reason, (counts.get(row.reason) || 0) + row.row_count));
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const list = [...counts].sort((a, b) => b[1] - a[1]).map(([reason, count]) => {
      const known = Object.keys(REASONS).find((key) => reason.startsWith(key));
      return el("li", {}, `${number(count, 0)}: ${known ? REASONS[known] : reason.replaceAll("_", " ")}`);
    });
    control("unranked").replaceChildren(total
      ? el("details", {}, el("summary", {}, `${number(total, 0)} rows of this board are not ranked`), el("ul", {}, list)) : "");
  }

  draw(state.values);
})();
