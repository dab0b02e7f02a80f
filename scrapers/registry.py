"""Every source, one line each."""

from collections.abc import Sequence

from scrapers.api import (
    anthropic,
    cerebras,
    deepinfra,
    deepseek,
    gemini,
    groq,
    huggingface,
    litellm,
    mistral,
    models_dev,
    novita,
    novita_page,
    openai,
    openrouter,
    vertex,
    xai,
)
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
    gemini.SOURCE,
    deepseek.SOURCE,
    mistral.SOURCE,
    xai.SOURCE,
    openrouter.SOURCE,
    groq.SOURCE,
    cerebras.SOURCE,
    vertex.SOURCE,
    deepinfra.SOURCE,
    novita.SOURCE,
    novita_page.SOURCE,
    huggingface.SOURCE,
    litellm.SOURCE,
    models_dev.SOURCE,
)
