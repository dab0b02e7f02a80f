"""Every source, one line each."""

from collections.abc import Sequence

from scrapers.api import anthropic, openai, openrouter
from scrapers.contract import Source
from scrapers.gpu import vast

SOURCES: Sequence[Source] = (
    vast.SOURCE,
    openai.SOURCE,
    anthropic.SOURCE,
    openrouter.SOURCE,
)
