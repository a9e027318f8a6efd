"""Mistakes that the numbers alone tell: all that came out beside all that is wanted.

Each function is true, or says how, where the numbers fit its mistake. Shapes: got and
wanted (N,).
"""

import numpy as np
from torch import Tensor

from torchbasics.lessons.exercises.asking import same


def right_but_nan(got: Tensor, wanted: Tensor) -> bool:
    """More than half are numbers, and these are right. Shape: (N,), (N,)."""
    finite = got.isfinite()
    some = len(got) / 2 < finite.sum() < len(got)
    return bool(some) and same(got[finite], wanted[finite])


def constant(got: Tensor, _: Tensor) -> str:
    """The one number that always came out. Shape: (N,), (N,)."""
    constant = len(got) > 1 and bool((got == got[0]).all())
    return _short(got[0]) if constant else ""


def scaled(got: Tensor, wanted: Tensor) -> str:
    """How all numbers follow from the wanted ones by one factor and one summand.

    Shape: (N,), (N,).
    """
    if len(wanted.unique()) < 2 or not got.isfinite().all() or not got.any():
        return ""
    got, size = got / got.abs().max(), got.abs().max()
    factor, summand = got @ wanted / (wanted @ wanted), 0.0
    if not same(got, factor * wanted, 1e-6):
        factor, summand = np.polyfit(wanted, got, 1)
        if len(wanted) < 3 or not same(got, factor * wanted + summand, 1e-6):
            return ""
    return _formula(float(size * factor), float(size * summand))


def _formula(factor: float, summand: float) -> str:
    """As one writes it: -r, 1 - r, 2 * r - 1, r / 255."""
    inverse = round(1 / factor)
    scaled = {"1": "r", "-1": "-r"}.get(_short(factor), f"{_short(factor)} * r")
    if abs(inverse) > 1 and abs(1 / factor - inverse) < 1e-4 * abs(inverse):
        scaled = f"r / {inverse}"
    if not summand:
        return scaled
    if scaled == "-r":
        return f"{_short(summand)} - r"
    return f"{scaled} {'+' if summand > 0 else '-'} {_short(abs(summand))}"


def _short(number: Tensor | float) -> str:
    return f"{float(number):.4g}"


def sizes_right(got: Tensor, wanted: Tensor) -> bool:
    """All are right but for a sign. Shape: (N,), (N,)."""
    return same(got.abs(), wanted.abs())


def whole_only(got: Tensor, wanted: Tensor) -> bool:
    """All are whole and near, where some wanted are not whole. Shape: (N,), (N,)."""
    near = bool(((got - wanted).abs() < 3).all() and (got.abs() > 1).any())
    whole = near and bool((got == got.round()).all())
    return whole and not bool((wanted == wanted.round()).all())
