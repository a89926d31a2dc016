"""How far values lie from the rest of them, whatever the rest looks like."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def robust_z(values: ArrayLike, *, least_spread: float) -> NDArray[np.float64]:
    """The modified z-score: distance from the median over 1.4826 times the median absolute deviation.

    Iglewicz and Hoaglin, "How to detect and handle outliers", 1993, section 3.3.

    Args:
        values: numbers; nan is passed over and stays nan.
        least_spread: the divisor is at least this: where nearly all values are equal, a small step is no outlier.

    Returns:
        One score per value; 0 for the median.
    """
    numbers = np.asarray(values, np.float64)
    known = numbers[~np.isnan(numbers)]
    if not known.size:
        return np.full(numbers.shape, np.nan)
    middle = float(np.median(known))
    spread = 1.4826 * float(np.median(np.abs(known - middle)))
    return np.asarray((numbers - middle) / max(spread, least_spread))


def between(value: float, low: float, high: float, worst: float, least: float) -> float:
    """A severity: `least` where a value is `low`, `worst` from `high` on, linear in between.

    Args:
        value: the measure.
        low: where the finding begins.
        high: where it cannot get worse.
        worst: severity there, in [0, 1].
        least: severity at `low`, in [0, 1].
    """
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    return round(least + (worst - least) * share, 4)
