"""Every source, one line each."""

from collections.abc import Sequence

from scrapers.api import anthropic, openai, openrouter
from scrapers.contract import Source
from scrapers.gpu import akash, azure, cloudrift, lambda_cloud, prime_intellect, runpod, shadeform, vast, vultr

SOURCES: Sequence[Source] = (
    vast.SOURCE,
    vultr.SOURCE,
    cloudrift.SOURCE,
    runpod.SOURCE,
    akash.SOURCE,
    azure.SOURCE,
    lambda_cloud.SOURCE,
    shadeform.SOURCE,
    prime_intellect.SOURCE,
    openai.SOURCE,
    anthropic.SOURCE,
    openrouter.SOURCE,
)
