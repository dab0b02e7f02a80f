"""Every source, one line each."""

from collections.abc import Sequence

from scrapers.api import anthropic, openai, openrouter
from scrapers.contract import Source

SOURCES: Sequence[Source] = (
    openai.SOURCE,
    anthropic.SOURCE,
    openrouter.SOURCE,
)
