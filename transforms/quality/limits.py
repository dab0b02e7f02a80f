"""Every number the guards judge by. docs/guards.md says where each one comes from."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Final

# --- API prices, one row -------------------------------------------------------------------------------------------
LEAST_USD_PER_MTOK: Final = Decimal("0.001")
MOST_USD_PER_MTOK: Final = Decimal("1000")
MOST_USD_PER_REQUEST: Final = Decimal("1")
MOST_OUTPUT_PER_INPUT: Final = 12.0
UNBELIEVED_OUTPUT_PER_INPUT: Final = 30.0
BATCH_SHARE: Final = (0.45, 0.55)
"""Batch price over standard price of the same model, for publishers whose pages state half price."""
HALF_PRICE_BATCH: Final = ("openai", "anthropic")
"""Providers whose pages state that batch costs half."""

# --- API prices, over time ------------------------------------------------------------------------------------------
REJECT_FACTOR: Final = 10.0
HOLD_FACTOR: Final = 2.0
SAME_PRICE_GAP: Final = 0.02
"""Two readings this close to one another agree."""
FRESH_FOR: Final = timedelta(hours=18)
"""Three runs. An older price is shown with its age and ranked nowhere."""
REMEMBER_FOR: Final = timedelta(days=90)
"""A price last read longer ago is history: no longer carried, not even as stale or retired."""

# --- API sources ----------------------------------------------------------------------------------------------------
LEAST_SHARE_OF_USUAL_ROWS: Final = 0.70
FREEZE_ABOVE_CHANGED_SHARE: Final = 0.40
FREEZE_FROM_KNOWN_ROWS: Final = 10
"""With fewer known rows one true change would be a large share."""
BODY_SIZE_RATIO: Final = (0.3, 3.0)

# --- GPU offers -----------------------------------------------------------------------------------------------------
MOST_GPUS: Final = 16
MOST_MEMORY_OF_NOMINAL: Final = 1.10
"""Drivers report up to 4 % more than the nominal figure; a tenth more is another product under this name."""
USD_PER_HOUR_PER_TB_PER_S: Final = (0.02, 12.0)
"""What one GPU may cost per TB/s of its memory bandwidth, wherever no usual price is known yet."""
USUAL_PRICE_BAND: Final = (1 / 6, 6.0)
"""What one GPU may cost relative to the usual price of the same GPU and price kind: narrower than a factor of 8, the
usual slip (a machine of eight priced as one GPU, or divided by eight twice)."""
USUAL_FROM_OFFERS: Final = 10
USUAL_FROM_HISTORY: Final = 30
"""A median of fewer offers, of this run or of the earlier ones, says nothing about what is usual."""
CLOCK_SKEW: Final = timedelta(minutes=10)
OLDEST_OFFER: Final = timedelta(hours=13)
LONGEST_RENTAL_HOURS: Final = 5 * 8766.0
BOOK_SHRUNK_BELOW: Final = 0.70
BOOK_COLLAPSED_BELOW: Final = 0.10
