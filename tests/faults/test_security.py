"""What strangers may not do: read our keys, leave the published file, write outside a folder, or speak to a terminal.

docs/security.md has a line for each.
"""

from __future__ import annotations

import gzip
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from flows import cli, pipeline, settings, shell, terminal
from flows.progress import Bars
from flows.settings import BadSetting, Settings
from scrapers.registry import SOURCES
from tests.conftest import ROOT
from tests.faults.market import FIRST, RECORDED, answering
from tests.flows.market import market, refresh
from tests.loopback.server import Answer, Ask, Routes
from tests.warehouse import samples
from warehouse.export import ExportError, export_query
from warehouse.store import Warehouse

KEY = "sk-planted-7f3a9c51e2"


# --- keys ------------------------------------------------------------------------------------------------------------


def mirror(served: Routes) -> Routes:
    """The same site, which sends the key it was given back in the body and in its headers."""

    def sent_back(answer: Answer) -> Answer:
        body = answer.body.replace(b'"regions_with', b'"note":"' + KEY.encode() + b'","regions_with')
        return replace(answer, body=body, headers={"ETag": f'"{KEY}"', "Last-Modified": KEY})

    return answering(served, sent_back)


def everything_in(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file as it lies there, every response unzipped, and every text of every table: files are compressed."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path), path.read_bytes()
    for name in ("warehouse.duckdb", "prices.duckdb"):
        with duckdb.connect(folder / name, read_only=True) as connection:
            for schema, table in connection.execute("select schema_name, table_name from duckdb_tables()").fetchall():
                rows = connection.execute(f'select * from {schema}."{table}"').fetchall()
                yield f"{name} {schema}.{table}", repr(rows).encode()
                if table == "captures":
                    bodies = [value for row in rows for value in row if isinstance(value, bytes)]
                    yield f"{name} bodies", b"".join(map(gzip.decompress, bodies))


def test_a_planted_key_is_nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three sources get a key; one sends it back in a good answer, one in an error, one breaks after it got it."""
    keyed = {source.name: source for source in SOURCES if source.key}
    environment = {str(source.key): KEY for source in keyed.values()}
    asked: list[Ask] = []

    def refused(ask: Ask) -> Answer:
        asked.append(ask)
        return Answer(f"bad key {ask.headers}".encode(), 403, "text/plain")

    with market(tmp_path, {**RECORDED, "vast": {"/*": refused}}) as anonymous, lambda_site() as lambda_origin:
        with_keys = settings.read(SOURCES, environment)
        settings_of_run = replace(
            anonymous, keys=with_keys.keys, origins={**anonymous.origins, "lambda": lambda_origin}
        )
        report = refresh(settings_of_run, FIRST, "vast", "lambda", "cerebras")
    outcomes = {source.source: source.outcome for source in report.sources}
    assert outcomes == {"vast": "failed", "lambda": "ok", "cerebras": "ok"}
    assert KEY in str(asked[0].headers)
    said = capsys.readouterr()
    told = {"report": repr(report), "settings": repr(settings_of_run), "out": said.out, "err": said.err}
    assert [name for name, text in told.items() if KEY in text] == []
    found = list(everything_in(tmp_path))
    assert [name for name, text in found if KEY.encode() in text] == []
    assert any(b'"note":"***"' in text for _, text in found), "the site did not send its key back"


@contextmanager
def lambda_site() -> Iterator[str]:
    from tests.loopback.server import Site
    from tests.test_captures import captures_of

    source = {source.name: source for source in SOURCES}["lambda"]
    (capture,) = captures_of(source)
    served: Routes = {capture.request.path: lambda ask: Answer(capture.body)}
    with Site(mirror(served)) as site:
        yield site.origin


# --- the published file ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    samples.published_runs(folder, 1)
    (folder / "secret.csv").write_text("secret\n" + KEY)
    (folder / "secret.json").write_text(f'{{"secret":"{KEY}"}}')
    duckdb.connect(folder / "other.duckdb").execute("create table secret as select 1 as a").close()
    return folder / "prices.duckdb"


READS = [
    "select * from read_csv('{folder}/secret.csv')",
    "select * from read_text('{folder}/secret.csv')",
    "select * from read_blob('{folder}/secret.csv')",
    "select * from read_json('{folder}/secret.json')",
    "select * from read_parquet('{folder}/*.parquet')",
    "from '{folder}/secret.csv'",
    "from read_duckdb('{folder}/other.duckdb')",
    "from sniff_csv('{folder}/secret.csv')",
    "from glob('{folder}/*')",
    "from parquet_metadata('{folder}/x.parquet')",
    "from query('select * from read_text(''{folder}/secret.csv'')')",
    "from query_table('{folder}/secret.csv')",
    "from main.all_gpu_offers('{folder}/history')",
    "select getenv('HOME')",
    "select getvariable('x') from read_text('/proc/self/environ')",
    "import database '{folder}'",
    "attach '{folder}/other.duckdb' as other",
    "attach '{folder}/other.duckdb' as other (read_only)",
    "attach ':memory:' as other",
    "use other",
]
WRITES = [
    "copy (select 1) to '{folder}/stolen.csv'",
    "copy marts.leaderboard to '{folder}/stolen.parquet' (format parquet)",
    "export database '{folder}/stolen'",
    "insert into core.runs select * from core.runs",
    "update core.runs set provenance = 'x'",
    "delete from core.runs",
    "drop table core.runs",
    "create table mine (a int)",
    "create or replace view core.quarantine as select 1",
    "alter table core.runs add column mine int",
    "vacuum analyze core.runs; create table mine (a int)",
    "checkpoint; create schema mine",
]
REACHES = [
    "install httpfs",
    "install spatial from community",
    "force install httpfs from 'http://127.0.0.1:9/'",
    "load httpfs",
    "load '{folder}/mine.duckdb_extension'",
    "from read_csv('http://127.0.0.1:9/a.csv')",
    "from read_text('https://127.0.0.1:9/')",
    "from read_parquet('s3://bucket/a.parquet')",
    "attach 'http://127.0.0.1:9/a.duckdb' as other",
    "create secret (type s3, key_id 'a', secret 'b')",
    "create persistent secret (type http, bearer_token 'b')",
]
UNLOCKS = [
    "set enable_external_access = true",
    "reset enable_external_access",
    "set global enable_external_access = true",
    "pragma enable_external_access = true",
    "set lock_configuration = false",
    "reset lock_configuration",
    "set allowed_directories = ['/']",
    "set allowed_paths = ['/etc/hostname']",
    "set autoload_known_extensions = true",
    "set allow_unsigned_extensions = true",
    "set custom_extension_repository = '/tmp'",
    "set home_directory = '/'",
    "set temp_directory = '{folder}/temp'",
    "set secret_directory = '{folder}'",
    "set log_query_path = '{folder}/log'",
    "set memory_limit = '1TB'",
    "set python_enable_replacements = true",
    "set disabled_filesystems = ''",
    "pragma enable_profiling = 'json'; pragma profiling_output = '{folder}/profile'",
]


@pytest.mark.parametrize("statement", [*READS, *WRITES, *REACHES, *UNLOCKS])
def test_a_query_reads_the_published_file_and_does_nothing_else(
    published: Path, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in published.parent.iterdir()}
    monkeypatch.chdir(published.parent)
    try:
        found = shell.ask(published, statement.format(folder=published.parent))
    except BadSetting:
        pass
    else:
        assert found == [], f"it was let through: {found}"
        raise AssertionError("it was let through, and told nothing")
    assert {path.name: path.read_bytes() for path in published.parent.iterdir()} == before


def test_the_interactive_shell_answers_and_does_nothing_else(published: Path, tmp_path: Path) -> None:
    """`pertoken sql` without a query is DuckDB's own shell in its safe mode; what is typed comes from a pipe here."""
    typed = [
        *(".shell id > stolen", ".system id > stolen", ".read secret.csv", ".open other.duckdb", ".output stolen"),
        *(".once stolen", ".import secret.csv mine", ".cd /", ".log stolen"),
        *(f"{statement.format(folder=published.parent)};" for statement in (*READS[:4], *WRITES[:3], *UNLOCKS[:5])),
        "select 'alive', count(*) from marts.leaderboard;",
        "select current_setting('timezone');",
    ]
    (tmp_path / ".duckdbrc").write_text(".shell id > stolen\n")
    before = sorted(path.name for path in published.parent.iterdir())
    command = (
        "import sys, pathlib; from flows import shell, terminal; "
        "shell.interactive(pathlib.Path(sys.argv[1]), terminal.stdout)"
    )
    done = subprocess.run(
        [sys.executable, "-c", command, str(published)],
        input="\n".join(typed) + "\n",
        capture_output=True,
        text=True,
        check=False,
        cwd=published.parent,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert "alive" in done.stdout and "UTC" in done.stdout, (done.stdout, done.stderr)
    assert KEY not in done.stdout + done.stderr
    assert done.stderr.count("cannot be used in -safe mode") == 9
    assert sorted(path.name for path in published.parent.iterdir()) == before
    assert [path.name for path in tmp_path.iterdir()] == [".duckdbrc"]


# --- paths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../elsewhere", "/tmp/elsewhere", "a/b", "..", "", "a\x00b", "a\nb"])
def test_an_export_stays_in_the_folder_it_was_given(published: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ExportError, match="cannot be part of a file name"):
        export_query(published, "select 1 as one", tmp_path / "out", name=name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../vultr", "/etc", ""])
def test_a_capture_is_written_for_a_known_source_only(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadSetting, match="there is no source"):
        pipeline.asked(SOURCES, Settings(tmp_path), [name])


# --- terminals -------------------------------------------------------------------------------------------------------


HOSTILE = "[red]x[/green] \x1b]0;owned\x07 \x1b[2J [link=http://evil.example]y[/link] \u202e\r\nsecond line \x9b31m"


@pytest.mark.parametrize("terminal_is_a_tty", [True, False])
def test_what_a_source_wrote_reaches_the_terminal_as_text(
    monkeypatch: pytest.MonkeyPatch, terminal_is_a_tty: bool
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(
        cli, "stderr", Console(file=screen, force_terminal=terminal_is_a_tty, highlight=False, width=300)
    )
    broken = pipeline.SourceOutcome("vast", "gpu", "failed", 0, 0, 0, 0, 0, False, 0.0, HOSTILE)
    report = pipeline.RunReport("run", datetime(2026, 11, 1, tzinfo=UTC), "live", [broken], None)
    with pytest.raises(SystemExit) as stopped:
        cli._report(report)
    assert stopped.value.code == cli.Exit.NOT_PUBLISHED
    shown = re.sub(r"\x1b\[[\d;]*m", "", screen.getvalue())
    assert "[red]x[/green]" in shown
    assert not set(shown) & set("\x1b\x07\x9b\u202e\r")
    assert "\x1b[2J" not in screen.getvalue() and "\x1b]" not in screen.getvalue()
    assert len(shown.splitlines()) == 2


def test_hostile_cells_of_a_query_are_text(published: Path) -> None:
    found = shell.ask(published, f"select chr(27) || '[2J[red]a[/b]' as a, '{KEY}' as \"[bold]b\"")
    screen = io.StringIO()
    Console(file=screen, force_terminal=True, width=100).print(shell.as_table(found))
    assert "\x1b[2J" not in screen.getvalue()
    assert "[red]a[/b]" in screen.getvalue()


def test_what_is_being_asked_for_is_shown_as_text() -> None:
    """The label of a request holds what an answer before it named."""
    screen = io.StringIO()
    with Bars(Console(file=screen, force_terminal=True, width=300)) as bars:
        bars.fetching("openrouter", 1, 2, 0.0, f"hosts of {HOSTILE}[/nothing]{'x' * 10_000}")
    assert "hosts of [red]x[/green]" in screen.getvalue()
    assert "\x1b[2J" not in screen.getvalue() and "\x07" not in screen.getvalue() and "xxx" not in screen.getvalue()


def test_harmless_text_is_short() -> None:
    assert len(terminal.harmless("x" * 10**6).plain) <= 2000


# --- what is installed, and what is committed ------------------------------------------------------------------------


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_requirement_is_pinned_by_hash_and_by_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    lines = [line.strip() for line in re.sub(r"\\\n", " ", text).splitlines()]
    requirements = [line for line in lines if line and not line.startswith("#")]
    assert len(requirements) > 50
    for line in requirements:
        assert re.match(r"[A-Za-z0-9_.\-]+(\[[\w, \-]+\])?==\S+ ", line), line
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", line), line
    assert not re.search(r"https?://|git\+|file:|--(extra-)?index-url|--find-links|--trusted-host| @ ", text)


def test_installing_checks_the_hashes() -> None:
    installs = re.findall(r"\$\(BIN\)/python -m pip install [^\n]*", (ROOT / "Makefile").read_text("utf-8"))
    assert installs
    for command in installs:
        assert "--require-hashes" in command or ("--no-deps" in command and "-e ." in command), command


SECRETS = {
    # what it is -> a text every one holds, the whole pattern
    "private key": ("-----BEGIN", r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s*\n?[A-Za-z0-9+/=]{20}"),
    "AWS access key": ("IA", r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "GitHub token": ("_", r"\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})\b"),
    "Slack token": ("xox", r"\bxox[abprs]-[A-Za-z0-9-]{20,}"),
    "Slack hook": ("hooks.slack.com", r"hooks\.slack\.com/services/T[A-Z0-9]{8,}/\w+/\w{20,}"),
    "OpenAI or Anthropic key": ("sk-", r"\bsk-(proj-|ant-)?[A-Za-z0-9_-]{32,}"),
    "Google key": ("AIza", r"\bAIza[0-9A-Za-z_-]{35}\b"),
    "Hugging Face token": ("hf_", r"\bhf_[A-Za-z]{34}\b"),
    "JSON web token": ("eyJ", r"\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}"),
    "address with a password": ("@", r"\w://[^\s/:@'\"<>{}$]{1,80}:(?!PASSWORD@)[^\s/@'\"<>{}$*]{6,80}@[a-z0-9]"),
    "assigned secret": (
        "",
        r"""(?i)(api_?key|secret|token|passw(or)?d)\s*[=:]\s*["'][A-Za-z0-9+/_\-]{24,}["']""",
    ),
}


def secrets_in(text: str) -> list[str]:
    return [kind for kind, (part, pattern) in SECRETS.items() if part in text and re.search(pattern, text)]


def committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a clone: there is no list of what is committed")
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_no_secret_is_committed() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {kind}"
        for path in committed()
        if path.is_file() and path.suffix not in (".lock", ".csv")
        for kind in secrets_in(path.read_text("utf-8", "ignore"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "ghp_" + "a" * 36,
        "sk-ant-" + "b" * 40,
        "-----BEGIN RSA PRIVATE " + "KEY-----\n" + "M" * 64,
        "postgresql://" + "me:" + "hunter22hunter@db",
        "api_key = '" + "c" * 32 + "'",
    ],
)
def test_the_scan_finds_what_it_looks_for(planted: str) -> None:
    assert len(secrets_in(f"x\n{planted}\n")) == 1


def test_the_private_file_is_not_published(published: Path) -> None:
    """Responses, and who decided what, stay in the private file."""
    with duckdb.connect(published, read_only=True) as connection:
        schemas = {
            name for (name,) in connection.execute("select distinct schema_name from duckdb_tables()").fetchall()
        }
    assert schemas == {"main", "reference", "core", "marts"}
    with Warehouse.open(published.parent / "warehouse.duckdb") as warehouse:
        assert warehouse.connection.execute("select count(*) from raw.captures").fetchall() != [(0,)]
