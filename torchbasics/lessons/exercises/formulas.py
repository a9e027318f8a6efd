"""Formulas that are told as they are written, and give what they say.

They are read, not run: arithmetic, indices, and calls of words that are listed.
`{a|b}` stands for a or b, and `how := formula` is told as how.
"""

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any

import torch
from torch import Tensor
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
        (torch, "exp log log2 log10 sign where arange norm floor cat kron"),
        (activations, "sigmoid softmax step relu tanh"),
        (F, "softplus gelu silu elu relu6 one_hot cross_entropy"),
    )
    for name in names.split()
} | {"int": torch.trunc, "abs": abs, "len": len, "sqrt": lambda x: x**0.5}
_SIGNS: Mapping[type, Callable[..., Any]] = {
    **{ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul},
    **{ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv},
    **{ast.Pow: operator.pow, ast.MatMult: operator.matmul, ast.USub: operator.neg},
    ast.Mod: operator.mod,
    **{ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Lt: operator.lt},
    **{ast.LtE: operator.le, ast.Eq: operator.eq, ast.NotEq: operator.ne},
}


def formulas(
    arguments: Sequence[str],
    text: str,
    words: Mapping[str, Any] | None = None,
    values: Mapping[str, Right] | None = None,
) -> Ways:
    """Functions of these arguments, by the formulas that say what each gives.

    `words` may be called in them, `values` are names for what follows from a case.

    >>> ways = formulas(["r"], "-r; r.sum() {+|*} 2; all := r.sum()")
    >>> [(how, of(torch.tensor([3.0]))) for how, of in ways.items()]
    [('-r', tensor([-3.])), ('r.sum() + 2', tensor(5.)), ('r.sum() * 2', tensor(6.)), ('all', tensor(3.))]
    """  # noqa: E501
    known = {**_WORDS, **(words or {})}
    split = filter(None, (" ".join(part.split()) for part in text.split(";")))
    ways = [one for part in split for one in _alternatives(part)]
    return {
        how.partition(" := ")[0]: _function(
            how.rpartition(" := ")[2], arguments, known, values or {}
        )
        for how in ways
    }


def by_heading(text: str) -> dict[str, str]:
    r"""Formulas by their heading, with what a name in capitals stands for put in.

    >>> by_heading("A: x|y\nodd: {A}; -x\neven: x")
    {'odd': '{x|y}; -x', 'even': 'x'}
    """
    found = re.findall(r"^ *(\w+): (.*?)(?=^ *\w+: |\Z)", text, flags=re.M | re.S)
    sets = {name: some.strip() for name, some in found if name.isupper()}
    filled = dict[str, str]()
    for name, some in found:
        for short, long in sets.items():
            some = some.replace(f"{{{short}}}", f"{{{long}}}")  # noqa: PLW2901
        if name not in sets:
            filled[name] = some.strip()
    return filled


def _alternatives(text: str) -> Iterator[str]:
    parts = enumerate(re.split(r"\{(.*?)\}", text))
    choices = (part.split("|") if i % 2 else [part] for i, part in parts)
    for chosen in product(*choices):
        plain = re.sub(r"(?<=[.(]) | (?=[,)])", "", " ".join("".join(chosen).split()))
        yield re.sub(r"(?<!\w)\((\w+|\([^(),]*\))\)", r"\1", plain)


@cache
def _read(formula: str) -> ast.expr:
    return ast.parse(formula, mode="eval").body


def _function(
    formula: str, arguments: Sequence[str], known: Mapping[str, Any], values: Ways
) -> Right:
    def _way(*case: Tensor) -> Tensor:
        given = dict(zip(arguments, case))  # noqa: B905 - one may be missing
        followed = {name: of(*case) for name, of in values.items()}
        return torch.as_tensor(_value(_read(formula), {**known, **given, **followed}))

    return _way


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
            names = [arg.arg for arg in args.args]
            return lambda *given: _value(body, {**known, **dict(zip(names, given))})  # noqa: B905
    raise TypeError(f"{ast.dump(node)} has no place in a formula")
