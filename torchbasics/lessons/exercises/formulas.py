"""Formulas that are told as they are written, and give what they say.

They are read, not run: arithmetic, indices, and calls of words that are listed.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional as F

from torchbasics import activations
from torchbasics.lessons.exercises.asking import Right
from torchbasics.lessons.prose import TEXT

Ways = Mapping[str, Right]
_TEXT = (TEXT / "wrong.md").read_text(encoding="utf-8")
_PARTS = re.split(r"^## (\w+)\n", _TEXT, flags=re.M)[1:]
WRONG = dict(zip(_PARTS[::2], _PARTS[1::2], strict=True))
"""Each exercise's wrong formulas, under the headings of their explanations."""

_WORDS = {
    name: getattr(home, name)
    for home, names in (
        (torch, "exp log log2 log10 sqrt sign where arange norm floor cat"),
        (activations, "sigmoid softmax step relu tanh"),
        (F, "softplus gelu silu elu relu6 one_hot cross_entropy"),
    )
    for name in names.split()
} | {"int": torch.trunc, "abs": abs, "len": len}
_SIGNS: Mapping[type, Callable[..., Any]] = {
    **{ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul},
    **{ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv},
    **{ast.Pow: operator.pow, ast.MatMult: operator.matmul, ast.USub: operator.neg},
    **{ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Lt: operator.lt},
    **{ast.LtE: operator.le, ast.Eq: operator.eq, ast.NotEq: operator.ne},
}


def formulas(
    arguments: Sequence[str], text: str, words: Mapping[str, Any] | None = None
) -> Ways:
    """Functions of these arguments, by the formulas that say what each gives.

    >>> ways = formulas(["r"], "-r; r.sum(0) ** 2")
    >>> [(how, of(torch.tensor([3.0]))) for how, of in ways.items()]
    [('-r', tensor([-3.])), ('r.sum(0) ** 2', tensor(9.))]
    """
    split = filter(None, (" ".join(part.split()) for part in text.split(";")))
    known = {**_WORDS, **(words or {})}
    return {how: _function(_read(how), arguments, known) for how in split}


def _read(formula: str) -> ast.expr:
    return ast.parse(formula, mode="eval").body


def _function(body: ast.expr, arguments: Sequence[str], known: dict[str, Any]) -> Right:
    return lambda *case: _value(body, {**known, **dict(zip(arguments, case))})  # noqa: B905


def _value(node: ast.expr | None, known: dict[str, Any]) -> Any:  # noqa: C901, PLR0911
    def of(part: ast.expr | None) -> Any:
        return _value(part, known)

    match node:
        case None:
            return None
        case ast.Constant(value):
            return value
        case ast.Name(name):
            return known[name]
        case ast.Attribute(part, name) if not name.startswith("_"):
            return getattr(of(part), name)
        case ast.Call(called, args, named):
            return of(called)(
                *map(of, args), **{k.arg or "": of(k.value) for k in named}
            )
        case ast.UnaryOp(sign, part):
            return _SIGNS[type(sign)](of(part))
        case ast.BinOp(left, sign, right) | ast.Compare(left, [sign], [right]):
            return _SIGNS[type(sign)](of(left), of(right))
        case ast.Subscript(part, index):
            return of(part)[of(index)]
        case ast.Slice(first, last, _):
            return slice(of(first), of(last))
        case ast.Tuple(parts) | ast.List(parts):
            return tuple(map(of, parts))
        case ast.Lambda(args, body):
            return _function(body, [arg.arg for arg in args.args], known)
    raise TypeError(f"{ast.dump(node)} has no place in a formula")
