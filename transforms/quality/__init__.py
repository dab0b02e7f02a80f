"""The guards that keep a wrong price off a board: every row gets a status and its reasons, nothing is dropped.

`check_prices` judges API prices, `check_offers` GPU offers, `waiting` and `decide` serve the person who reviews what is held.
"""

from transforms.quality.prices import Checked, check_prices
from transforms.quality.rows import price_key
from transforms.quality.sources import odd_sizes

__all__ = ["Checked", "check_prices", "odd_sizes", "price_key"]
