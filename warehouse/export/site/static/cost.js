"use strict";
// The formulae of docs/methodology.md, so that utilisation and people can be changed on the page.
pertoken.cost = (function () {
  const key = (row) => [row.board, row.source, row.gpu, row.gpu_count].join("|");

  /** GPU prices by configuration. */
  function prices(rows) {
    return new Map(rows.map((row) => [key(row), row]));
  }

  /** USD per request of a rented row at a utilisation, with its band. `people` is USD per request on top. */
  function rented(row, price, workload, utilization, people) {
    const full = row.output_tokens_per_s * 3600 / workload.osl_tokens;
    const slow = row.output_tokens_per_s_low / row.output_tokens_per_s;
    const fast = row.output_tokens_per_s_high / row.output_tokens_per_s;
    const cheapest = price.usd_per_hour + row.storage_usd_per_hour;
    const dearest = Math.max(price.usd_per_hour, price.usd_per_hour_p50 || 0) + row.storage_usd_per_hour;
    const each = row.traffic_usd_per_request + people;
    return {
      request: cheapest / (full * utilization) + each,
      request_low: cheapest / (full * fast * utilization) + each,
      request_high: dearest / (full * slow * utilization) + each,
    };
  }

  /** What turns USD per request into the unit shown: mtok, mtok_output or requests. */
  function perUnit(unit, workload) {
    if (unit === "requests") return 1000;
    return 1e6 / (unit === "mtok_output" ? workload.osl_tokens : workload.isl_tokens + workload.osl_tokens);
  }

  /** USD of people per request: hours x rate a month over the requests of a monthly volume; none without a volume. */
  function people(hours, rate, tokens, workload) {
    return tokens > 0 ? hours * rate / (tokens / (workload.isl_tokens + workload.osl_tokens)) : 0;
  }

  return { key, prices, rented, perUnit, people };
})();
