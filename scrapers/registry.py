"""Every source, one line each."""

from collections.abc import Sequence

from scrapers.contract import Source

SOURCES: Sequence[Source] = ()
