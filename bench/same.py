"""Whether a change left every published row as it was: the recorded responses and two real days, before and after.

    python -m bench.same --make FOLDER --captures CAPTURES
    python -m bench.same --compare BEFORE AFTER

The first is run once with the code before and once with the code after; clock and run ids are the same in both. The
second prints the rows compared and, per table, how many stand on one side only, and ends with 1 where there is one.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from unittest.mock import patch

import duckdb

from flows import pipeline
from flows.progress import Silent
from flows.settings import Settings
from scrapers.registry import SOURCES
from tests.loopback import Site
from tests.loopback.sites import routes

DAYS = (date(2026, 7, 20), date(2026, 7, 21))
MEASURED = "seconds|fingerprint"
"""Columns that hold how long something took, or a hash of it."""

TABLES = """
select table_schema || '.' || table_name, string_agg('"' || column_name || '"', ', ' order by ordinal_position)
from information_schema.columns
where table_catalog = 'before' and not regexp_full_match(column_name, $measured)
group by all
order by all
"""
DIFFERENT = """
with b as (select {names} from before.{table}), a as (select {names} from after.{table})
select
    (select count(*) from b),
    (select count(*) from (from b except all from a)),
    (select count(*) from (from a except all from b))
"""


def make(folder: Path, captures: Path) -> None:
    """`folder/days` after a refresh per day, `folder/recorded` after one of the recorded responses."""
    days = Settings(folder / "days")
    with patch("secrets.token_hex", return_value="same"):
        pipeline.refresh_recorded(days, SOURCES, Silent(), partial(_noon, DAYS[-1]))
        for day in DAYS:
            with ExitStack() as running:
                sites = {name: running.enter_context(Site(site)) for name, site in routes(captures, day).items()}
                origins = {name: site.origin for name, site in sites.items()}
                how = Settings(folder / "days", origins=origins, paces=dict.fromkeys(origins, 1e6))
                asked = [source for source in SOURCES if source.name in origins and not source.key_required]
                pipeline.refresh(how, asked, None, Silent(), partial(_noon, day))


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def differences(before: Path, after: Path) -> int:
    """Prints what differs between two folders of `make`, and returns how many rows do."""
    compared = differ = 0
    for path in sorted(before.glob("**/prices.duckdb")):
        with duckdb.connect() as connection:
            for name, file in (("before", path), ("after", after / path.relative_to(before))):
                connection.execute(f"attach '{file}' as {name} (read_only)")
            for table, names in connection.execute(TABLES, {"measured": MEASURED}).fetchall():
                sql = DIFFERENT.format(table=table, names=names)
                ((rows, lost, new),) = connection.execute(sql).fetchall()
                compared, differ = compared + rows, differ + lost + new
                if lost or new:
                    print(f"{path.relative_to(before)} {table}: {lost} rows only before, {new} only after, of {rows}")
    print(f"{compared:,} rows compared, {differ:,} on one side only")
    return differ


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--make", type=Path)
    parser.add_argument("--captures", type=Path, help="real responses, by day")
    parser.add_argument("--compare", type=Path, nargs=2)
    asked = parser.parse_args()
    if asked.make:
        make(asked.make, asked.captures)
    if asked.compare:
        sys.exit(bool(differences(*asked.compare)))


if __name__ == "__main__":
    main()
