"""What can go wrong with the warehouse, in sentences that say what to do."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import duckdb

DAMAGE = ("not a valid DuckDB", "Corrupt", "checksum", "deserialize", "Failed to load", "Could not read enough bytes")
"""What the engine says of a file that is not, or no longer, one of its own."""


QUOTED_ADDRESS = re.compile(r'Postgres at ".*":')
"""As the engine quotes the connection string of a catalog that does not answer."""


class WarehouseError(Exception):
    """Base of every error this package raises on purpose."""


class WarehouseBusy(WarehouseError):
    """Another process holds the private file."""


class WarehouseDamaged(WarehouseError):
    """The file is not a database, or a block of it does not match its checksum."""


class WarehouseUnwritable(WarehouseError):
    """The folder is read-only, missing, or the disk is full."""


class LakeUnavailable(WarehouseError):
    """The extra `lake` is not installed, or the catalog of the lake cannot be reached."""


class LakeEmpty(LakeUnavailable):
    """The catalog answers, and nobody has made the tables of a lake in it yet."""


class SchemaMismatch(WarehouseError):
    """The file was made by a newer version, or a column has another type than the schema files say."""


class WrongFrame(WarehouseError):
    """A frame does not fit its table."""


class InvalidReference(WarehouseError):
    """A CSV in warehouse/reference/ breaks a rule."""


def hide_address(error: BaseException) -> bool:
    """Takes the connection string of a catalog, which may hold a password, out of the engine's error, if it quotes it.

    Returns whether it did: then the catalog did not answer.
    """
    text = str(error)
    hidden = QUOTED_ADDRESS.sub('Postgres at "…":', text)
    if not isinstance(error, duckdb.Error) or hidden == text:
        return False
    error.args = (hidden,)  # the error itself stays in tracebacks as the cause of ours
    return True


def explained(error: duckdb.Error, place: object) -> Exception:
    """The engine's error as one of ours, with what to do; itself where it is a fault of ours.

    `place`: the file or the lake, as it is to be called.
    """
    if hide_address(error):
        return LakeUnavailable(f"the catalog of the lake does not answer: {str(error).splitlines()[0]}")
    text = str(error)
    if "Conflicting lock is held" in text:
        return WarehouseBusy(f"another process has {place} open: close it ({text.splitlines()[0]})")
    if isinstance(error, duckdb.ConstraintException):
        return WrongFrame(text)
    if any(sign in text for sign in DAMAGE):
        return WarehouseDamaged(f"{place} is damaged: put the newest backup in its place ({text.splitlines()[0]})")
    if any(sign in text for sign in ("No space left", "File too large", "could not write", "Could not write")):
        return WarehouseUnwritable(f"the disk of {place} is full: nothing was stored ({text.splitlines()[0]})")
    if "Permission denied" in text or "Read-only file system" in text or "Cannot open file" in text:
        return WarehouseUnwritable(f"cannot write {place}: {text.splitlines()[0]}")
    return error


def refused(error: OSError, path: Path) -> WarehouseUnwritable:
    """What the operating system would not write, in a sentence."""
    if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        return WarehouseUnwritable(f"the disk of {path} is full: nothing was changed ({error.strerror})")
    return WarehouseUnwritable(f"cannot write {path}: {error.strerror}")


def is_conflict(error: BaseException) -> bool:
    """Whether a transaction met another one's changes and may go well when run again."""
    return isinstance(error, duckdb.Error) and "conflict" in str(error).lower() and "lock" not in str(error).lower()
