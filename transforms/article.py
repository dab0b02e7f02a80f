"""The arithmetic behind the seed article's claims: one small function per formula of reference/article_claims.csv.

Each takes its inputs by name, units in the names, and answers the numbers a claim is about, in the claim's order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Final

from transforms.offers import GIB_IN_GB

Numbers = Sequence[float]


def as_given(**numbers: float) -> Numbers:
    return list(numbers.values())


def product(**factors: float) -> Numbers:
    result = 1.0
    for factor in factors.values():
        result *= factor
    return [result]


def quotient(dividend: float, divisor: float) -> Numbers:
    return [dividend / divisor]


def usd_per_mtok(usd_per_hour: float, tokens_per_s: float, utilization: float = 1.0) -> Numbers:
    return [usd_per_hour / (tokens_per_s * 3600 * utilization) * 1e6]


def article_usd_per_mtok(usd_per_hour: float, tokens_per_s: float, utilization: float) -> Numbers:
    """Rounded to the cent at full load before it is divided, as the article does."""
    return [round(usd_per_mtok(usd_per_hour, tokens_per_s)[0], 2) / utilization]


def tokens_per_s_needed(usd_per_hour: float, usd_per_mtok: float) -> Numbers:
    return [usd_per_hour / usd_per_mtok * 1e6 / 3600]


def times_cheaper(usd_per_hour: float, tokens_per_s: float, **apis: float) -> Numbers:
    """Each API price over the self-hosted one."""
    return [api / usd_per_mtok(usd_per_hour, tokens_per_s)[0] for api in apis.values()]


def usd_and_times_cheaper(
    usd_per_hour: float, tokens_per_s: float, utilization: float, api_usd_per_mtok: float
) -> Numbers:
    cost = usd_per_mtok(usd_per_hour, tokens_per_s, utilization)[0]
    return [cost, api_usd_per_mtok / cost]


def usd_per_mtok_at_volume(usd_per_hour: float, tokens_per_hour: float) -> Numbers:
    return [usd_per_hour / tokens_per_hour * 1e6]


def times_cheaper_at_volume(usd_per_hour: float, tokens_per_hour: float, api_usd_per_mtok: float) -> Numbers:
    return [api_usd_per_mtok / usd_per_mtok_at_volume(usd_per_hour, tokens_per_hour)[0]]


def table_extremes(
    dearest_usd_per_hour: float,
    dearest_tokens_per_s: float,
    api_lowest: float,
    cheapest_usd_per_hour: float,
    cheapest_tokens_per_s: float,
    api_highest: float,
) -> Numbers:
    """Least and greatest advantage in the table: its dearest row against the lowest API price, and the reverse."""
    least = api_lowest / usd_per_mtok(dearest_usd_per_hour, dearest_tokens_per_s)[0]
    greatest = api_highest / usd_per_mtok(cheapest_usd_per_hour, cheapest_tokens_per_s)[0]
    return [least, greatest]


def break_even_percent(usd_per_hour: float, tokens_per_s: float, api_usd_per_mtok: float) -> Numbers:
    return [usd_per_mtok(usd_per_hour, tokens_per_s)[0] / api_usd_per_mtok * 100]


def usd_per_hour_at_break_even(tokens_per_s: float, api_usd_per_mtok: float, **percents: float) -> Numbers:
    return [tokens_per_s * 3600 / 1e6 * api_usd_per_mtok * percent / 100 for percent in percents.values()]


def break_even_tokens_per_hour(usd_per_hour: float, api_usd_per_mtok: float) -> Numbers:
    return [usd_per_hour / api_usd_per_mtok * 1e6]


def same_model_break_even_percent(
    usd_per_hour: float,
    tokens_per_s: float,
    isl_tokens: float,
    osl_tokens: float,
    params_b: float,
    tflops: float,
    compute_efficiency: float,
    input_usd_per_mtok: float,
    output_usd_per_mtok: float,
) -> Numbers:
    """A whole request on both sides: the prompt takes 2 FLOPs per parameter and token before the answer starts."""
    prefill_s = 2 * params_b * 1e9 * isl_tokens / (tflops * 1e12 * compute_efficiency)
    ours = usd_per_hour / 3600 * (prefill_s + osl_tokens / tokens_per_s)
    theirs = (isl_tokens * input_usd_per_mtok + osl_tokens * output_usd_per_mtok) / 1e6
    return [ours / theirs * 100]


def mtok_times_self_hosted(usd_per_hour: float, tokens_per_s: float, mtok: float) -> Numbers:
    return [usd_per_mtok(usd_per_hour, tokens_per_s)[0] * mtok]


def saved_per_month(usd_per_hour: float, tokens_per_s: float, mtok: float, api_usd_per_mtok: float) -> Numbers:
    return [(api_usd_per_mtok - usd_per_mtok(usd_per_hour, tokens_per_s)[0]) * mtok]


def api_bill_of_a_full_month(tokens_per_s: float, hours: float, **apis: float) -> Numbers:
    return [tokens_per_s * 3600 * hours / 1e6 * api for api in apis.values()]


def people_usd_per_month(
    setup_hours_low: float,
    setup_hours_high: float,
    upkeep_hours_low: float,
    upkeep_hours_high: float,
    usd_per_hour: float,
    months: float,
) -> Numbers:
    low = (setup_hours_low / months + upkeep_hours_low) * usd_per_hour
    high = (setup_hours_high / months + upkeep_hours_high) * usd_per_hour
    return [low, high]


def people_over_gpu(gpu_usd_per_month: float, **people: float) -> Numbers:
    return [usd / gpu_usd_per_month for usd in people_usd_per_month(**people)]


def weights_gb(params_b: float, bytes_per_param: float, head_params_b: float = 0.0) -> Numbers:
    """Embedding and output head stay in 16 bits."""
    return [params_b * bytes_per_param + head_params_b * 2]


def weights_gib(params_b: float, bytes_per_param: float) -> Numbers:
    return [weights_gb(params_b, bytes_per_param)[0] / GIB_IN_GB]


def gpus_needed(weights_gb: float, memory_gb: float) -> Numbers:
    return [float(ceil(weights_gb / memory_gb))]


def memory_left_gb(weights_gb: float, memory_gb: float, gpus: float) -> Numbers:
    return [memory_gb * gpus - weights_gb]


def kv_room_gib(memory_gib: float, memory_utilization: float, weights_gib: float) -> Numbers:
    return [memory_gib * memory_utilization - weights_gib]


def kv_room_tokens(
    memory_gib: float, memory_utilization: float, weights_gib: float, overhead_gib: float, kv_bytes_per_token: float
) -> Numbers:
    room = kv_room_gib(memory_gib, memory_utilization, weights_gib)[0] - overhead_gib
    return [room * 2**30 / kv_bytes_per_token]


def decode_bound(
    bandwidth_gb_per_s: float, weights_gb: float, tflops: float, params_b: float, **batches: float
) -> Numbers:
    """Tokens/s of a step that reads the weights once for the whole batch, up to the compute ceiling; no cache reads."""
    ceiling = tflops * 1e12 / (2 * params_b * 1e9)
    return [min(batch * bandwidth_gb_per_s / weights_gb, ceiling) for batch in batches.values()]


def ridge_batch(bandwidth_gb_per_s: float, tflops: float, bytes_per_param: float) -> Numbers:
    """Batch at which computing (2 FLOPs per parameter and request) takes as long as reading the weights."""
    return [tflops * 1e12 * bytes_per_param / (2 * bandwidth_gb_per_s * 1e9)]


def share_of_compute_percent(tokens_per_s: float, tflops: float, params_b: float) -> Numbers:
    return [tokens_per_s * 2 * params_b * 1e9 / (tflops * 1e12) * 100]


def share_of_bound(bandwidth_gb_per_s: float, weights_gb: float, **shares: float) -> Numbers:
    return [share * bandwidth_gb_per_s / weights_gb for share in shares.values()]


def batching_gain(single_low: float, single_high: float, batched_low: float, batched_high: float) -> Numbers:
    return [batched_low / single_high, batched_high / single_low]


FORMULAS: Final[Mapping[str, Callable[..., Numbers]]] = {
    formula.__name__: formula
    for formula in (
        as_given,
        product,
        quotient,
        usd_per_mtok,
        article_usd_per_mtok,
        tokens_per_s_needed,
        times_cheaper,
        usd_and_times_cheaper,
        usd_per_mtok_at_volume,
        times_cheaper_at_volume,
        table_extremes,
        break_even_percent,
        usd_per_hour_at_break_even,
        break_even_tokens_per_hour,
        same_model_break_even_percent,
        mtok_times_self_hosted,
        saved_per_month,
        api_bill_of_a_full_month,
        people_usd_per_month,
        people_over_gpu,
        weights_gb,
        weights_gib,
        gpus_needed,
        memory_left_gb,
        kv_room_gib,
        kv_room_tokens,
        decode_bound,
        ridge_batch,
        share_of_compute_percent,
        share_of_bound,
        batching_gain,
    )
}
