"""Class weights by a rule: from the pixels of the training split, or from the place of a class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maskwright.errors import RecipeError

RULES = ("inverse_frequency", "enet", "effective_number")
"""Rules that look at the pixels."""

BACKGROUND_TENTH = "background_tenth"
"""The rule that looks at none: 0.1 for class 0, which is the background in most data, and 1 for each other one."""


def derived_class_weights(rule: str, class_px: Sequence[int]) -> tuple[float, ...]:
    """Class weights by a rule; those of `RULES` are scaled so that their mean is 1.

    With `f_c` the share of class c among the labelled pixels:
    inverse_frequency: `1 / f_c`; enet: `1 / ln(1.02 + f_c)` (Paszke et al. 2016, arXiv:1606.02147, section 5.2);
    effective_number: `(1 - b) / (1 - b^n_c)` with `b = 1 - 1/N` (Cui et al., CVPR 2019, equation 7), n_c the pixels of
    the class in thousands and N all of them.

    Args:
        rule: one of RULES, or BACKGROUND_TENTH.
        class_px: labelled pixels per class.

    Returns:
        A weight per class; by RULES 0 for a class that is never labelled.

    Raises:
        RecipeError: no such rule, or nothing is labelled.
    """
    if rule == BACKGROUND_TENTH:
        return (0.1, *[1.0] * (len(class_px) - 1))
    pixels = np.asarray(class_px, float)
    if rule not in RULES:
        known = ", ".join(("none", *RULES, BACKGROUND_TENTH))
        raise RecipeError(f"class_weights={rule}: there is no such rule.", expected=known)
    if not pixels.sum():
        raise RecipeError(f"class_weights={rule}: nothing is labelled in the training split.")
    present = pixels > 0
    share = np.where(present, pixels, 1) / pixels.sum()
    if rule == "inverse_frequency":
        weights = 1 / share
    elif rule == "enet":
        weights = 1 / np.log(1.02 + share)
    else:
        thousands = np.maximum(pixels / 1000, 1e-3)
        beta = 1 - 1 / max(thousands.sum(), 2.0)
        weights = (1 - beta) / (1 - beta**thousands)
    weights = np.where(present, weights, 0)
    return tuple(float(f"{weight:.6g}") for weight in weights / weights[present].mean())
