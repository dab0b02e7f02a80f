"""The guards that keep a wrong price off a board: every row gets a status and its reasons, nothing is dropped.

`check_prices` judges API prices, `check_offers` GPU offers; `waiting` and `decide` serve the person who reviews.
"""

from transforms.quality.agreement import second_readings
from transforms.quality.offers import CheckedOffers, check_offers, usual_prices
from transforms.quality.prices import Checked, check_prices
from transforms.quality.review import decide, waiting
from transforms.quality.rows import price_key
from transforms.quality.sources import odd_sizes

__all__ = [
    "Checked",
    "CheckedOffers",
    "check_offers",
    "check_prices",
    "decide",
    "odd_sizes",
    "price_key",
    "second_readings",
    "usual_prices",
    "waiting",
]
