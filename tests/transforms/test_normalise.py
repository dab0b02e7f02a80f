from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.transforms import books
from tests.transforms.books import GPU_NAMES, GPUS, NOW, book, offer
from transforms import normalise


def named(*offers: dict[str, object]) -> pl.DataFrame:
    return normalise.gpu_offers(book(*offers), GPUS, GPU_NAMES)[0]


def test_one_name_is_several_gpus_by_their_memory() -> None:
    offers = named(
        offer(1, gpu_name="A100 SXM4", memory_gib=80.0),
        offer(2, gpu_name="a100  sxm4 ", memory_gib=39.0),
        offer(3, memory_gib=47.99),
    )
    assert offers["gpu"].to_list() == ["a100-sxm-80gb", "a100-sxm-40gb", "rtx-4090-48gb"]
    assert not offers["is_slice"].any()


def test_an_eighth_of_an_a100_is_a_slice_without_a_price_per_gpu() -> None:
    """The plan at $0.342 an hour that looks like a whole A100 wherever its 10 GB are not shown."""
    plan = offer(
        1, source="vultr", gpu_name="NVIDIA_A100", gpu_count=0.125, memory_gib=10.0, usd_per_hour=0.342, market="cloud"
    )
    row = named(plan).row(0, named=True)
    assert (row["gpu"], row["is_slice"], row["usd_per_gpu_hour"]) == ("a100-pcie-80gb", True, None)


def test_a_source_that_names_a_gpu_itself_does_not_fall_back_on_anyones_names() -> None:
    everyones = pl.DataFrame([("*", "NVIDIA_A100", 37.0, 42.0, "a100-sxm-40gb")], schema=GPU_NAMES.schema, orient="row")
    half = book(offer(1, source="vultr", gpu_name="NVIDIA_A100", gpu_count=1.0, memory_gib=40.0))
    offers, unknown = normalise.gpu_offers(half, GPUS, pl.concat([GPU_NAMES, everyones]))
    assert offers["gpu"].to_list() == [None]
    assert unknown["rows"].to_list() == [1]


def test_unknown_names_are_counted_with_their_memory_and_never_guessed() -> None:
    offers, unknown = normalise.gpu_offers(
        book(
            offer(1, gpu_name="RTX 6090", memory_gib=48.0),
            offer(2, gpu_name="RTX 6090", memory_gib=32.0),
            offer(3, memory_gib=None),
        ),
        GPUS,
        GPU_NAMES,
    )
    assert offers["gpu"].null_count() == 3
    assert unknown.select("name", "detail", "rows").rows() == [
        ("RTX 4090", "unstated GiB per GPU", 1),
        ("RTX 6090", "32.0, 48.0 GiB per GPU", 2),
    ]


def test_a_listing_on_two_pages_counts_once_whatever_their_order() -> None:
    pages = [offer(1, usd_per_hour=0.30), offer(1, usd_per_hour=0.31), offer(2), offer(2, price_kind="spot_floor")]
    forward, backward = named(*pages), named(*reversed(pages))
    assert forward.height == 3
    assert forward.equals(backward)
    assert forward.filter(offer_id="1")["usd_per_hour"].to_list() == [0.31]


def test_rows_that_claim_the_same_name_and_memory_are_an_error_of_the_table() -> None:
    with pytest.raises(ValueError, match="more than one row matches 'rtx 4090'"):
        normalise.gpu_offers(
            book(offer(1)),
            GPUS,
            GPU_NAMES.vstack(pl.DataFrame([("*", "rtx 4090", None, None, "x")], schema=GPU_NAMES.schema, orient="row")),
        )


def test_a_model_is_found_by_the_sources_own_name_then_anyones_then_its_hugging_face_id() -> None:
    model_names = pl.DataFrame(
        [
            ("*", "llama 70b", "llama-3.3-70b"),
            ("groq", "Llama 70B", "llama-3.1-70b"),
            ("*", "meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ],
        schema=["source", "model_name", "model"],
        orient="row",
    )
    quant_names = pl.DataFrame({"source": ["*"], "quant_name": ["FP8"], "quant": ["fp8"]})
    rows = books.prices(
        books.price("input", "1", source="groq", model_name="Llama 70B", quant_name="fp8"),
        books.price("input", "1", source="nebius", model_name="Llama  70B"),
        books.price("input", "1", model_name="l8", hugging_face_id="meta-llama/llama-3.1-8b-instruct", quant_name="q"),
        books.price("input", "1", model_name="mystery"),
    ).drop("model", "quant")
    found, unknown = normalise.api_prices(rows, model_names, quant_names)
    assert found["model"].to_list() == ["llama-3.1-70b", "llama-3.3-70b", "llama-3.1-8b", None]
    assert found["quant"].to_list() == ["fp8", "unknown", "unknown", "unknown"]
    assert unknown.select("kind", "name").rows() == [("model", "mystery"), ("quant", "q")]


def test_nothing_in_gives_nothing_out() -> None:
    offers, unknown = normalise.gpu_offers(book(), GPUS, GPU_NAMES)
    assert offers.height == unknown.height == 0
    assert unknown.schema == normalise.UNKNOWN_NAMES


@pytest.mark.captures
def test_the_real_books_keep_every_offer_and_split_the_a100s(captures: Path) -> None:
    raw = books.vast_day(captures, "2026-07-20")
    offers, unknown = normalise.gpu_offers(raw, GPUS, GPU_NAMES)
    assert offers.height == raw.height
    assert unknown["rows"].sum() == offers["gpu"].null_count()
    by_gpu = dict(offers.filter(gpu_name="A100 SXM4").group_by("gpu").len().rows())
    assert by_gpu["a100-sxm-40gb"] > 20 and by_gpu["a100-sxm-80gb"] > 20
    assert offers.filter(gpu="a100-sxm-80gb")["memory_gib"].min() > 70  # type: ignore[operator]
    assert NOW.date() == offers["observed_at"].max().date()  # type: ignore[union-attr]
