"""One writer at a time, over the whole of a refresh; the kernel lets go when the holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.errors import WarehouseBusy, WarehouseUnwritable


def lock_path(database: Path) -> Path:
    return database.with_name(database.name + ".lock")


@contextmanager
def exclusive(database: Path) -> Iterator[None]:
    """Holds the lock beside `database`, in a folder that is made where it is missing.

    Raises WarehouseBusy with the holder's pid when it stays taken, WarehouseUnwritable where the folder refuses.

    The lock file stays: removing it would let two processes lock two different files of one name.
    """
    path = lock_path(database)
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WarehouseUnwritable(f"cannot make the folder {database.parent}: {error.strerror}") from error
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise WarehouseUnwritable(f"cannot write in {database.parent}: {error.strerror}") from error
    try:
        if not _taken(descriptor):
            raise WarehouseBusy(f"another refresh is running (pid {_pid(descriptor)}) on {database}")
        _sign(descriptor)
        yield
    finally:
        os.close(descriptor)


def holder(database: Path) -> str | None:
    """Pid of the process that holds the lock, None when it is free. Never waits."""
    try:
        descriptor = os.open(lock_path(database), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid(descriptor)
    else:
        return None
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    """Waits out a diagnosis, which takes a fraction of a second, and not a refresh."""
    for _ in range(10):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(0.05)
    return False


def _sign(descriptor: int) -> None:
    """A full disk may refuse the pid; the lock holds all the same."""
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    except OSError:
        pass


def _pid(descriptor: int) -> str:
    return os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
