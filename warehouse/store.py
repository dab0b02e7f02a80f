"""Frames in and out of the private warehouse.

Everything a refresh reads or writes here is bounded by run or by recent time, so its cost does not grow with history.
Nothing relies on keys or constraints of the engine: a run's rows are replaced by delete and insert in one transaction.
"""

from __future__ import annotations

import gzip
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

import duckdb
import polars as pl

from warehouse.errors import (
    InvalidReference,
    LakeUnavailable,
    SchemaMismatch,
    WarehouseBusy,
    WarehouseDamaged,
    WarehouseError,
    WarehouseUnwritable,
    WrongFrame,
    explained,
    hide_address,
    is_conflict,
)
from warehouse.lake import Lake, connect_lake
from warehouse.lock import exclusive
from warehouse.queries import query
from warehouse.reference import tables as reference_tables
from warehouse.schema import bring_up_to_date, frame_schema, row_checks, unconstrained_sql

__all__ = [
    "InvalidReference",
    "Lake",
    "LakeUnavailable",
    "RawCapture",
    "SchemaMismatch",
    "Warehouse",
    "WarehouseBusy",
    "WarehouseDamaged",
    "WarehouseError",
    "WarehouseUnwritable",
    "WrongFrame",
]

CORE_TABLES = ("source_runs", "findings", "gpu_offers", "api_prices", "unknown_names", "price_changes")
MARTS_TABLES = ("gpu_prices", "throughput", "leaderboard", "break_even", "api_comparison", "claims_audit")
DERIVED_CURRENT = ("source_health", "price_changes")
"""Marts of the newest run that are made here, from other tables."""
DERIVED_HISTORY = ("gpu_price_history", "api_price_history", "leaderboard_history")
"""Marts that gain rows with every run, made here before the ones above."""

STORED_ORDER = {
    "core.gpu_offers": ["source", "price_kind", "gpu_name", "offer_key", "offer_id"],
    "core.api_prices": ["source", "price_key"],
}
"""Neighbouring rows that resemble one another take less room."""

UNIQUE = {
    "core.gpu_offers": ["source", "price_kind", "offer_id"],
    "core.source_runs": ["source"],
}
"""What stands once in a run."""

FRUGAL: dict[str, str | bool | int | float | list[str]] = {"threads": 1, "checkpoint_threshold": "1MB"}
"""What a refresh writes is small: a second thread saves no time and costs half as much processor time again. What is
committed stays in memory as it came until the next checkpoint compresses it; a late one holds the whole run at once."""

REMEMBERED_HOURS = 14 * 24.0
"""How far back the last sighting of a price is looked up; older ones come from the history of changes."""


@dataclass(frozen=True, slots=True)
class RawCapture:
    """One response with what asked for it, as it is stored. `body` is decompressed; it is stored as gzip."""

    source: str
    method: str
    path: str
    request_json: str | None
    label: str
    url: str
    status: int
    content_type: str
    fetched_at: datetime
    sha256: str
    body: bytes
    etag: str | None = None
    last_modified: str | None = None


P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 12
"""How often a transaction is tried where others change the same rows of a lake; the pauses add up to some seconds."""


def _atomic(
    work: Callable[Concatenate[Warehouse, P], T],
) -> Callable[Concatenate[Warehouse, P], T]:
    """Runs a method in one transaction, the caller's where it has begun one: all of it or nothing.

    One that another worker's write thwarts runs again.
    """

    @wraps(work)
    def in_transaction(warehouse: Warehouse, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if warehouse._is_in_transaction:
            return work(warehouse, *args, **kwargs)
        for attempt in range(ATTEMPTS):
            warehouse._run("begin")
            warehouse._is_in_transaction = True
            try:
                done = work(warehouse, *args, **kwargs)
                warehouse._run("commit")
                return done
            except BaseException as error:
                _roll_back(warehouse.connection)
                if not is_conflict(error):
                    raise
            finally:
                warehouse._is_in_transaction = False
            time.sleep(random.uniform(0, 0.05 * 1.5**attempt))
        raise WarehouseBusy(
            f"other workers kept changing the same rows of {warehouse.place}: nothing of this was stored"
        )

    return in_transaction


class Warehouse:
    """The private file, open for writing by this process alone, or a lake, open to others at the same time.

    Use `with Warehouse.open(place) as warehouse:`.
    """

    def __init__(self, place: Path | Lake, connection: duckdb.DuckDBPyConnection, closing: ExitStack) -> None:
        self.place = place
        self.connection = connection
        self._closing = closing
        self._is_in_transaction = False
        self._checks = row_checks() if isinstance(place, Lake) else {}

    @classmethod
    def open(cls, place: Path | Lake) -> Warehouse:
        """Creates or migrates the warehouse.

        Raises WarehouseBusy, WarehouseDamaged, WarehouseUnwritable, SchemaMismatch, LakeUnavailable.
        """
        with ExitStack() as closing:
            connection = closing.enter_context(_lake(place) if isinstance(place, Lake) else _private_file(place))
            return cls(place, connection, closing.pop_all())

    @property
    def path(self) -> Path:
        """The private file. Raises WarehouseError where there is none: a lake."""
        if isinstance(self.place, Lake):
            raise WarehouseError(f"{self.place} is no single file: see docs/scale.md on its backup")
        return self.place

    def __enter__(self) -> Warehouse:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            hide_address(error)
        self.close()

    def close(self) -> None:
        self._closing.close()

    # Writing

    @_atomic
    def begin_run(
        self,
        run_id: str,
        *,
        started_at: datetime,
        provenance: Literal["live", "recorded"],
        methodology_version: str,
        software_version: str,
    ) -> None:
        """Opens a run. The same `run_id` again replaces its row: that is a replay."""
        self._run("delete from core.runs where run_id = $run_id", run_id=run_id)
        self._run(
            query("begin_run"),
            run_id=run_id,
            started_at=started_at,
            provenance=provenance,
            methodology_version=methodology_version,
            software_version=software_version,
        )

    @_atomic
    def finish_run(self, run_id: str, *, finished_at: datetime, as_of: datetime) -> None:
        """Closes a run. `as_of` is its newest response: the moment its figures speak of."""
        self._run(query("finish_run"), run_id=run_id, finished_at=finished_at, as_of=as_of)

    @_atomic
    def append_captures(self, run_id: str, source: str, captures: Sequence[RawCapture]) -> int:
        """Stores the responses of one source in one transaction and returns how many. Call it before parsing them."""
        ((first,),) = self._run(query("next_capture"), run_id=run_id, source=source)
        rows = [_capture_row(run_id, first + offset, capture) for offset, capture in enumerate(captures)]
        self._insert("raw.captures", pl.DataFrame(rows, schema=frame_schema("raw.captures")))
        return len(captures)

    @_atomic
    def store_answers(self, run_id: str, source: str, captures: Sequence[RawCapture], /, **facts: Any) -> None:
        """`append_captures` and, with the `facts`, `record_fetch` in one transaction: a source is there whole, once.

        Answers that another worker has stored for the run meanwhile stay, and these are dropped.
        """
        if source in self.fetches(run_id)["source"]:
            return
        self.append_captures(run_id, source, captures)
        self.record_fetch(run_id, source=source, **facts)

    @_atomic
    def record_fetch(
        self,
        run_id: str,
        *,
        source: str,
        requests: int,
        bytes: int,
        seconds: float,
        truncated: bool,
        truncated_why: str | None,
        error: str | None,
        finished_at: datetime,
    ) -> None:
        """Stores how asking one source went; told again, it replaces what stood there."""
        self._run(query("forget_fetch"), run_id=run_id, source=source)
        self._run(
            query("record_fetch"),
            run_id=run_id,
            source=source,
            requests=requests,
            bytes=bytes,
            seconds=seconds,
            truncated=truncated,
            truncated_why=truncated_why,
            error=error,
            finished_at=finished_at,
        )

    @_atomic
    def replace_core(self, run_id: str, frames: Mapping[str, pl.DataFrame]) -> bool:
        """Replaces what a run observed, in one transaction. Keys are names of CORE_TABLES; the others stay as they are.

        Frames hold at least the columns warehouse/schema/core.sql declares, but for `run_id`, and `provenance` which is
        the run's. Returns whether anything differs from what stood there. Raises WrongFrame.
        """
        _known(frames, CORE_TABLES)
        fitted = {name: self._fit_run(f"core.{name}", run_id, frame) for name, frame in frames.items()}
        changed = [self._replace(f"core.{name}", run_id, frame) for name, frame in fitted.items()]
        return any(changed)

    @_atomic
    def replace_marts(self, run_id: str, frames: Mapping[str, pl.DataFrame]) -> None:
        """Replaces the newest run's answers and adds the run to their history, in one transaction.

        Keys are names of MARTS_TABLES; a table not named stays. Call it after `replace_core`: histories are made from
        both, and compare with the runs before, so replay in ascending order up to the newest run. Raises WrongFrame.
        """
        _known(frames, MARTS_TABLES)
        fitted = {name: _fit(f"marts.{name}", frame) for name, frame in frames.items()}
        ((as_of,),) = self._run(query("run_as_of"), run_id=run_id)
        for name, frame in fitted.items():
            self._run(f"delete from marts.{name}")
            self._insert(f"marts.{name}", frame)
        for name in DERIVED_HISTORY:
            self._run(f"delete from marts.{name} where run_id = $run_id", run_id=run_id)
        for name in DERIVED_CURRENT:
            self._run(f"delete from marts.{name}")
        for name in DERIVED_HISTORY + DERIVED_CURRENT:
            self._derive(name, run_id=run_id, as_of=as_of)
        for name in DERIVED_HISTORY:
            self._note_contents(f"marts.{name}", run_id)

    @_atomic
    def load_reference(self, tables: Mapping[str, pl.DataFrame] | None = None) -> None:
        """Stores the reference tables, by default anew from warehouse/reference/*.csv. Raises InvalidReference."""
        for name, frame in (tables or reference_tables()).items():
            self.replace_reference(name, frame)

    def replace_reference(self, name: str, frame: pl.DataFrame) -> None:
        """Replaces one table of schema reference, unless it is as it was. Raises WrongFrame."""
        fitted = _fit(f"reference.{name}", frame)
        names = ", ".join(f'"{column}"' for column in fitted.columns)
        if self._frame(f"select {names} from reference.{name}").equals(fitted):
            return
        self._run(f"delete from reference.{name}")
        self._insert(f"reference.{name}", fitted)

    @_atomic
    def note_archive(self, table: str, month: str, *, n_rows: int, fingerprint: str) -> None:
        """Remembers that a closed month ("2026-10") of a table was archived, and what it held."""
        self._run(query("forget_archive"), table_name=table, month=month)
        self._run(query("store_archive"), table_name=table, month=month, n_rows=n_rows, fingerprint=fingerprint)

    @_atomic
    def forget_captures(self, before: datetime) -> None:
        """Drops the responses fetched before a moment. What was read from them stays, and can not be replayed."""
        self._run("delete from raw.captures where fetched_at < $before", before=before)

    @_atomic
    def record_decision(
        self,
        *,
        subject: str,
        value_usd_per_mtok: Decimal | None,
        verdict: Literal["accept", "reject"],
        reason: str,
        decided_by: str,
        decided_at: datetime,
    ) -> None:
        """Adds what a person decided about the price `subject` (a price_key)."""
        self._run(
            query("record_decision"),
            subject=subject,
            value_usd_per_mtok=value_usd_per_mtok,
            verdict=verdict,
            reason=reason,
            decided_by=decided_by,
            decided_at=decided_at,
        )

    # Reading

    def runs(self, since: datetime | None = None) -> pl.DataFrame:
        """core.runs, oldest first, of those started at `since` or later."""
        return self._frame(query("runs"), since=since)

    def captured_sources(self, run_id: str) -> list[str]:
        """Sources with a stored response in the run, by name."""
        return [source for (source,) in self._run(query("captured_sources"), run_id=run_id)]

    def captures(self, run_id: str, source: str) -> list[RawCapture]:
        """The responses of one source in their stored order. Raises WarehouseDamaged where a body is not whole."""
        frame = self._frame(query("captures"), run_id=run_id, source=source)
        return [_stored_capture(row) for row in frame.iter_rows(named=True)]

    def answers_to_revalidate(self, run_id: str, *, runs: int = 4) -> list[RawCapture]:
        """The newest good answer to each GET of the last `runs` runs that can be asked for "only if changed"."""
        frame = self._frame(query("answers_to_revalidate"), first_run=self._first_of_last(run_id, runs))
        return [_stored_capture(row) for row in frame.iter_rows(named=True)]

    def rows(self, table: str, run_id: str) -> pl.DataFrame:
        """The rows of one run in one table of schema core ("core.gpu_offers")."""
        _known([table], [f"core.{name}" for name in CORE_TABLES])
        return self._frame(f"select * from {table} where run_id = $run_id", run_id=run_id)

    def offers_before(self, run_id: str, *, snapshots: int = 8, max_age_hours: float = 168) -> pl.DataFrame:
        """core.gpu_offers of the last runs in which each source answered, with `snapshot` (Int64, 1 is the newest)."""
        first_run = self._first_run_since(run_id, max_age_hours)
        good = self._frame(query("good_snapshots"), run_id=run_id, first_run=first_run, snapshots=snapshots)
        return self._of_snapshots("offers_of_snapshots", good)

    def prices_before(self, run_id: str, *, max_age_hours: float = 168) -> pl.DataFrame:
        """core.api_prices of the last run before this one in which each source was asked, answer or not."""
        first_run = self._first_run_since(run_id, max_age_hours)
        asked = self._frame(query("asked_snapshots_before"), first_run=first_run, run_id=run_id)
        return self._of_snapshots("prices_of_snapshots", asked)

    def current_prices(self, run_id: str, *, max_age_hours: float = 168) -> pl.DataFrame:
        """core.api_prices of the newest run, this one included, in which each source was asked. Any status."""
        first_run = self._first_run_since(run_id, max_age_hours)
        asked = self._frame(query("asked_snapshots"), first_run=first_run, last_run=run_id)
        return self._of_snapshots("prices_of_snapshots", asked)

    def last_good_prices(self, run_id: str) -> pl.DataFrame:
        """Per price_key the newest row of core.api_prices with status ok before `run_id`, never forgotten.

        `observed_at` is when it was last seen; where that was more than 14 days ago, when it took that value.
        """
        first_run = self._first_run_since(run_id, REMEMBERED_HOURS)
        return self._frame(query("last_good_prices"), run_id=run_id, first_run=first_run)

    def usual_gpu_prices(self, run_id: str, *, runs: int = 28) -> pl.DataFrame:
        """gpu, price_kind, usd_per_gpu_hour: the median of whole GPUs over the good offers of the last runs."""
        return self._frame(query("usual_gpu_prices"), run_id=run_id, first_run=self._first_of_last(run_id, runs))

    def usual_offer_counts(self, run_id: str, *, runs: int = 28) -> pl.DataFrame:
        """source, price_kind, offers: one row per earlier run of the last `runs`."""
        return self._frame(query("usual_offer_counts"), run_id=run_id, first_run=self._first_of_last(run_id, runs))

    def body_sizes(self, run_id: str, *, runs: int = 28) -> pl.DataFrame:
        """source, path, body_bytes, last_good_bytes (null where never answered in the last runs) per good answer."""
        return self._frame(query("body_sizes"), run_id=run_id, first_run=self._first_of_last(run_id, runs))

    def fetches(self, run_id: str) -> pl.DataFrame:
        """raw.fetches of one run: source, requests, bytes, seconds, truncated, truncated_why, error, finished_at."""
        return self._frame(query("fetches"), run_id=run_id)

    def source_runs_before(self, run_id: str, *, runs: int = 28) -> pl.DataFrame:
        """core.source_runs of the last `runs` runs before this one, newest first."""
        return self._frame(query("source_runs_before"), run_id=run_id, runs=runs)

    def closed_months(self, tables: Sequence[str]) -> list[tuple[str, str, str, str, int, str, bool]]:
        """Table, month, first and last run, rows, fingerprint, whether it is archived as it is; of every past month."""
        return self._run(query("closed_months"), tables=list(tables))

    def decisions(self) -> pl.DataFrame:
        """The newest row of core.decisions per subject."""
        return self._frame(query("decisions"))

    # How

    def _run(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        try:
            return self.connection.execute(sql, parameters).fetchall()
        except duckdb.Error as error:
            raise explained(error, self.place) from error

    def _frame(self, sql: str, **parameters: Any) -> pl.DataFrame:
        """The rows of a query. Parameters are bound by `execute`: those of `sql()` reach no filter, all is scanned."""
        self._run(f"create or replace temp table answer as {sql}", **parameters)
        try:
            return self.connection.table("temp.answer").pl()
        finally:
            self._run("drop table temp.answer")

    @contextmanager
    def _registered(self, name: str, frame: pl.DataFrame) -> Iterator[None]:
        self.connection.register(name, frame)
        try:
            yield
        finally:
            self.connection.unregister(name)

    def _insert(self, table: str, frame: pl.DataFrame) -> None:
        names = ", ".join(f'"{column}"' for column in frame.columns)
        with self._registered("incoming", frame):
            for condition in self._checks.get(table, []):
                if self._run(f"select 1 from incoming where not {condition} limit 1"):
                    raise WrongFrame(f"{table}: a row fails its CHECK {condition}")
            self._run(f"insert into {table} ({names}) select {names} from incoming")

    def _replace(self, table: str, run_id: str, frame: pl.DataFrame) -> bool:
        with self._registered("incoming", frame):
            ((n_rows, digest),) = self._run(query("incoming_fingerprint"))
        stored = self._run(query("stored_fingerprint"), run_id=run_id, table_name=table)
        if stored == [(n_rows, digest)]:
            return False
        self._run(f"delete from {table} where run_id = $run_id", run_id=run_id)
        self._insert(table, frame)
        self._note_contents(table, run_id)
        return True

    def _note_contents(self, table: str, run_id: str) -> None:
        """Remembers what a run holds in a table: the hash of its rows, whatever their order."""
        ((n_rows, digest),) = self._run(
            f"select count(*), coalesce(sum(hash(stored))::text, '0') from {table} as stored where run_id = $run_id",
            run_id=run_id,
        )
        self._run(query("forget_fingerprint"), run_id=run_id, table_name=table)
        self._run(query("store_fingerprint"), run_id=run_id, table_name=table, n_rows=n_rows, fingerprint=digest)

    def _derive(self, name: str, **parameters: Any) -> None:
        sql = query(f"derive_{name}")
        (statement,) = duckdb.extract_statements(sql)
        self._run(sql, **{key: parameters[key] for key in statement.named_parameters})

    def _fit_run(self, table: str, run_id: str, frame: pl.DataFrame) -> pl.DataFrame:
        frame = frame.with_columns(pl.lit(run_id).alias("run_id"))
        if "provenance" in frame_schema(table) and "provenance" not in frame.columns:
            _, provenance = self._run_of(run_id)
            frame = frame.with_columns(pl.lit(provenance).alias("provenance"))
        return _fit(table, frame)

    def _of_snapshots(self, name: str, snapshots: pl.DataFrame) -> pl.DataFrame:
        """Rows of given (source, run_id, snapshot)."""
        first, last = (snapshots["run_id"].min(), snapshots["run_id"].max()) if snapshots.height else ("", "")
        with self._registered("snapshots", snapshots):
            return self._frame(query(name), first_run=first, last_run=last)

    def _run_of(self, run_id: str) -> tuple[datetime, str]:
        """Start and provenance of a run."""
        found = self._run(query("run_of"), run_id=run_id)
        if not found:
            raise WarehouseError(f"run {run_id} was never begun")
        started_at, provenance = found[0]
        return started_at, provenance

    def _first_run_since(self, run_id: str, hours: float) -> str:
        """The oldest run begun at most `hours` before this one."""
        started_at, _ = self._run_of(run_id)
        ((first,),) = self._run(query("first_run_since"), moment=started_at - timedelta(hours=hours))
        return str(first)

    def _first_of_last(self, run_id: str, runs: int) -> str:
        ((first,),) = self._run(query("first_of_last_runs"), run_id=run_id, runs=runs)
        return str(first)


@contextmanager
def _private_file(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with exclusive(path), connect(path) as connection:
        try:
            if bring_up_to_date(connection):
                connection.execute("checkpoint")
        except duckdb.Error as error:
            raise explained(error, path) from error
        yield connection


@contextmanager
def _lake(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect_lake(lake) as connection:
        for attempt in range(ATTEMPTS):
            try:
                bring_up_to_date(connection, declaring=unconstrained_sql)
                break
            except duckdb.Error as error:  # another worker made or migrated the same tables first
                if not is_conflict(error) or attempt == ATTEMPTS - 1:
                    raise
        yield connection


@contextmanager
def connect(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-write connection in UTC. Raises what `explained` makes of a refusal."""
    try:
        connection = duckdb.connect(path, config=FRUGAL)
    except duckdb.Error as error:
        raise explained(error, path) from error
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set enable_progress_bar = false")  # it writes to standard output
        yield connection
    finally:
        connection.close()


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    """A failed commit has rolled back by itself, and an invalidated database cannot."""
    try:
        connection.execute("rollback")
    except duckdb.Error:
        return


def _known(names: Mapping[str, pl.DataFrame] | Sequence[str], allowed: Sequence[str]) -> None:
    if unknown := sorted(set(names) - set(allowed)):
        raise WrongFrame(f"no such table to fill: {', '.join(unknown)}; there are {', '.join(allowed)}")


def _fit(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of `table`, in its types and stored order. Extra columns are dropped."""
    schema = frame_schema(table)
    if missing := [column for column in schema if column not in frame.columns]:
        raise WrongFrame(f"{table}: the frame lacks {', '.join(missing)}; it has {', '.join(frame.columns)}")
    try:
        fitted = frame.select(pl.col(column).cast(dtype) for column, dtype in schema.items())
    except pl.exceptions.PolarsError as error:
        raise WrongFrame(f"{table}: {error}") from error
    if (key := UNIQUE.get(table)) and (twice := fitted.filter(fitted.select(key).is_duplicated())).height:
        raise WrongFrame(f"{table}: {twice.height} rows share their {', '.join(key)}, as {twice.select(key).row(0)}")
    return fitted.sort(STORED_ORDER[table], nulls_last=True) if table in STORED_ORDER else fitted


def _capture_row(run_id: str, seq: int, capture: RawCapture) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "source": capture.source,
        "seq": seq,
        "method": capture.method,
        "path": capture.path,
        "url": capture.url,
        "request_json": capture.request_json,
        "label": capture.label,
        "status": capture.status,
        "content_type": capture.content_type,
        "etag": capture.etag,
        "last_modified": capture.last_modified,
        "fetched_at": capture.fetched_at,
        "sha256": capture.sha256,
        "body_bytes": len(capture.body),
        "body": gzip.compress(capture.body, compresslevel=6, mtime=0),
    }


def _stored_capture(row: Mapping[str, Any]) -> RawCapture:
    fields = {name: row[name] for name in RawCapture.__slots__ if name != "body"}
    try:
        body = gzip.decompress(row["body"])
    except (OSError, EOFError) as error:
        raise WarehouseDamaged(f"capture {row['sha256']} of {row['source']} in {row['run_id']}: {error}") from error
    return RawCapture(**fields, body=body)
