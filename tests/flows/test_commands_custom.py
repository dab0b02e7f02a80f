"""Files of the user's own: what they become, and the sentence about each thing that is wrong in them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from flows import custom
from flows.settings import BadSetting
from tests.flows import examples
from warehouse.reference import tables as reference_tables


@pytest.fixture(scope="module")
def reference() -> dict[str, pl.DataFrame]:
    return reference_tables()


def test_own_rows_stand_under_those_of_the_reference(tmp_path: Path, reference: dict[str, pl.DataFrame]) -> None:
    examples.write_files(tmp_path)
    own = custom.read([tmp_path / "ours.toml", tmp_path / "rack.csv"], reference)
    both = own.beside(reference)
    for name, added in (("workloads", "support"), ("models", "our-70b")):
        assert both[name].schema == reference[name].schema
        assert both[name].height == reference[name].height + 1
        assert both[name][-1, 0] == added
    support = both["workloads"].filter(workload="support").row(0, named=True)
    assert (support["isl_tokens"], support["on_board"], support["spot_allowed"]) == (3000, "yes", "no")
    assert both["models"].filter(model="our-70b")["serve_quants"].item() == "fp8|int4"
    assert [(price.source, price.gpu_count, price.usd_per_hour) for price in own.prices] == [
        ("our-rack", 2, 2.60),
        ("desk", 2, 0.35),
        ("desk", 4, 2.20),
    ]


WORKLOAD = "[workloads.w]\nisl_tokens = 10\nosl_tokens = 10\n"
PRICE = '[[gpu_prices]]\ngpu = "h100-sxm-80gb"\n'
MODEL = '[models.m]\nquants = ["fp8"]\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("isl_tokens = ", "is not TOML"),
        ("[workload.w]\n", "no key 'workload'; there is workloads"),
        ("[gpu_prices]\ngpu = 'h100-sxm-80gb'\n", r"write \[\[gpu_prices\]\]"),
        ("[workloads.w]\nisl_tokens = 1\n", "workloads.w: lacks the field `osl_tokens`"),
        (f"{WORKLOAD}ttft = 3\n", "workloads.w: there is no field `ttft`"),
        (f"{WORKLOAD}cached_input_fraction = 40\n", "workloads.w: cached_input_fraction: expected `float` <= 1"),
        ("[workloads.chat]\nisl_tokens = 1\nosl_tokens = 1\n", "workloads.chat: that name is taken"),
        ("[workloads.'My Load']\nisl_tokens = 1\n", "workloads.My Load: a name is of lower-case letters"),
        (f"{PRICE}usd_per_hour = 0\n", "gpu_prices, table 1: usd_per_hour: expected `float` > 0"),
        (f"{PRICE}usd_per_hour = nan\n", "gpu_prices, table 1: usd_per_hour"),
        (f"{PRICE}usd_per_hour = inf\n", "gpu_prices, table 1: usd_per_hour"),
        (f"{PRICE}usd_per_hour = 2\ngpu_count = 2.5\n", "gpu_prices, table 1: gpu_count"),
        ("[[gpu_prices]]\ngpu = 'h100'\nusd_per_hour = 2\n", "table 1: there is no GPU 'h100'; there is h100-"),
        (f"{MODEL}config = '../secret.json'\n", "lies outside the folder of the file"),
        (f"{MODEL}config = '/etc/hostname'\n", "lies outside the folder of the file"),
        (f"{MODEL}config = 'nowhere.json'\n", "cannot be read: No such file"),
        (f"{MODEL}config = 'own.toml'\n", "is not JSON"),
        (f"{MODEL}config = 'empty.json'\n", "empty.json: .*num_hidden_layers"),
        (f"{MODEL}config = 'list.json'\n", "holds no keys"),
        ("[models.m]\nquants = ['int3']\nconfig = 'empty.json'\n", "no quantisation 'int3'; there is"),
    ],
)
def test_what_is_wrong_in_a_toml_file_is_one_sentence(
    tmp_path: Path, reference: dict[str, pl.DataFrame], text: str, sentence: str
) -> None:
    (tmp_path / "empty.json").write_text(json.dumps({"model_type": "llama"}), "utf-8")
    (tmp_path / "list.json").write_text("[1]", "utf-8")
    file = tmp_path / "own.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(BadSetting, match=sentence) as refused:
        custom.read([file], reference)
    assert str(tmp_path) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("gpu,usd_per_hour\nh100-sxm-80gb,2\nh100-sxm-80gb,two\n", "line 3: usd_per_hour: expected `float`"),
        ("gpu,usd_per_hour\nh100-sxm-80gb,-2\n", "line 2: usd_per_hour: expected `float` > 0"),
        ("gpu,usd_per_hour\nh100-sxm-80gb\n", "line 2: lacks the field `usd_per_hour`|line 2: usd_per_hour"),
        ("gpu,usd_per_hour\nh100-sxm-80gb,2,9\n", "line 2: there is no field"),
        ("gpu,price\nh100-sxm-80gb,2\n", "line 2: (there is no field `price`|lacks the field `usd_per_hour`)"),
        ("gpu,usd_per_hour\nH100,2\n", "line 2: there is no GPU 'H100'"),
    ],
)
def test_what_is_wrong_in_a_csv_file_is_one_sentence_with_its_line(
    tmp_path: Path, reference: dict[str, pl.DataFrame], text: str, sentence: str
) -> None:
    file = tmp_path / "own.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(BadSetting, match=sentence):
        custom.read([file], reference)
