"""What can go wrong with the warehouse, in sentences that say what to do."""

from __future__ import annotations


class WarehouseError(Exception):
    """Base of every error this package raises on purpose."""


class WarehouseBusy(WarehouseError):
    """Another process holds the private file."""


class WarehouseDamaged(WarehouseError):
    """The file is not a database, or a block of it does not match its checksum."""


class WarehouseUnwritable(WarehouseError):
    """The folder is read-only, missing, or the disk is full."""


class SchemaMismatch(WarehouseError):
    """The file was made by a newer version, or a column has another type than the schema files say."""


class WrongFrame(WarehouseError):
    """A frame does not fit its table."""


class InvalidReference(WarehouseError):
    """A CSV in warehouse/reference/ breaks a rule."""
