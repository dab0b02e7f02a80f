"""What a million tokens costs, rented or bought: per request on both sides, then over one denominator.

Every priced row states the same request three ways: `usd_per_mtok` over input and output tokens (the rank key),
`usd_per_1k_requests`, and `usd_per_mtok_output` over output tokens alone. Their ratios between rows are equal.
"""

from transforms.cost.api import api, api_comparison, once_per_seller, peak_share
from transforms.cost.request import article, denominations
from transforms.cost.self_hosted import configurations, priced, self_hosted

__all__ = [
    "api",
    "api_comparison",
    "article",
    "configurations",
    "denominations",
    "once_per_seller",
    "peak_share",
    "priced",
    "self_hosted",
]
