"""Exercises of lesson 1: gates, a perceptron, one step of its rule."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, tensor

from torchbasics.activations import step
from torchbasics.lessons.exercises.asking import ROWS, same
from torchbasics.lessons.exercises.cases import drawn
from torchbasics.lessons.exercises.exercise import Ask, Exercise, Mistake
from torchbasics.lessons.exercises.formulas import WRONG, by_heading
from torchbasics.lessons.exercises.mistakes import DERIVED, mended_by
from torchbasics.lessons.textbook import TRUTH_TABLES
from torchbasics.perceptron import INPUTS, separability

_ONE_INPUT = {
    "x1": (0, 1, 0, 1),
    "not x1": (1, 0, 1, 0),
    "x2": (0, 0, 1, 1),
    "not x2": (1, 1, 0, 0),
}
_TWO_INPUTS = {
    **TRUTH_TABLES,
    "NOR": (1, 0, 0, 0),
    "XNOR": (1, 0, 0, 1),
    "x1 and not x2": (0, 1, 0, 0),
    "not x1 and x2": (0, 0, 1, 0),
    "x1 or not x2": (1, 1, 0, 1),
    "not x1 or x2": (1, 0, 1, 1),
}
_NEAR = 1e-3
_FAR = 1e6  # where only weights count, not the bias


def _gate(name: str) -> Exercise:
    """A gate to write. What went wrong is found by asking about other points too."""
    wanted = tensor(TRUTH_TABLES[name], dtype=torch.float64)
    places = tensor([1, 2])  # in the truth table
    right = lambda x: wanted[x.long() @ places]  # noqa: E731
    mistakes = _mistakes(name, wanted)
    return Exercise(name.lower(), right, ROWS, kind="gates", alone=1, asked=mistakes)


def _mistakes(name: str, wanted: Tensor) -> dict[str, Mistake]:
    """What may be wrong with the gate of that name and table, by its heading."""
    others = {key: table for key, table in _TWO_INPUTS.items() if key != name}
    is_xor = name == "XOR"
    return {
        "not_summed": lambda ask, _: ask(INPUTS).shape == INPUTS.shape,
        **{head: mended_by(text) for head, text in by_heading(WRONG["gates"]).items()},
        "no_step": lambda ask, _: not _binary(ask) and same(step(ask(INPUTS)), wanted),
        "sum_only": lambda ask, _: not _binary(ask) and _is_sum(ask),
        "one_input": lambda ask, _: _of(_ONE_INPUT, ask),
        "one_line": lambda ask, _: (
            is_xor and _on_sides(ask, INPUTS) and _of(others, ask)
        ),
        "at_least": lambda ask, _: (
            _wrong_on_the_line(ask, wanted) and bool((ask(INPUTS) >= wanted).all())
        ),
        "on_the_line": lambda ask, _: (
            _wrong_on_the_line(ask, wanted) and bool((ask(INPUTS) <= wanted).all())
        ),
        "bias_sign": lambda ask, _: same(1 - ask(-INPUTS), wanted),
        "no_bias": lambda ask, _: _line_through_zero(ask),
        "weights_sign": lambda ask, _: (
            len(ask(INPUTS).unique()) == 1 and same(ask(-INPUTS), wanted)
        ),
        "always_0": lambda ask, _: not ask(INPUTS).any() and _weights_suit(ask, wanted),
        "always_1": lambda ask, _: (
            bool((ask(INPUTS) == 1).all()) and _weights_suit(ask, wanted)
        ),
        "xor_always_0": lambda ask, _: is_xor and _always(ask) == "0",
        "xor_always_1": lambda ask, _: is_xor and _always(ask) == "1",
        "always": lambda ask, _: _always(ask),
        "constant": DERIVED["constant"],
        "sigmoid_for_step": lambda ask, _: _is_sigmoid(ask, wanted),
        "other_gate": lambda ask, _: _of(others, ask),
        "not_binary": lambda ask, _: ask(INPUTS).shape == (4,) and not _binary(ask),
    }


def _binary(ask: Ask) -> bool:
    return set(ask(INPUTS).tolist()) <= {0, 1}


def _of(tables: Mapping[str, Sequence[int]], ask: Ask) -> str:
    """The name of the table of these answers."""
    named = (name for name, table in tables.items() if same(ask(INPUTS), tensor(table)))
    return next(named, "")


def _on_sides(ask: Ask, places: Tensor) -> bool:
    """Whether a line parts the places answered 1 from those answered 0."""
    return _binary(ask) and separability(places, ask(places).int()).separable


def _wrong_on_the_line(ask: Ask, wanted: Tensor) -> bool:
    """Whether all that is wrong lies on the edge of a half plane.

    There one of two opposite nudges is answered 1 and the other 0.
    """
    nudges = _NEAR * torch.eye(2)
    edges = [ask(INPUTS + nudge) + ask(INPUTS - nudge) == 1 for nudge in nudges]
    return bool((edges[0] | edges[1] | (ask(INPUTS) == wanted)).all())


def _line_through_zero(ask: Ask) -> bool:
    """Whether only directions count, and some weights alone give these answers."""
    both = torch.cat([INPUTS, -INPUTS])
    answers = ask(both)
    only_directions = same(answers, ask(_NEAR * both)) and len(answers[1:].unique()) > 1
    return only_directions and _on_sides(ask, both)


def _weights_suit(ask: Ask, wanted: Tensor) -> bool:
    """Whether another bias would mend it: both weights have the gate's sign."""
    far = ask(_FAR * INPUTS)
    turns = bool(far[3] != ask(-_FAR * INPUTS)[3])
    return turns and same(far[1:3], wanted[3].expand(2))


def _always(ask: Ask) -> str:
    """The one answer that comes out here and far away."""
    answers = ask(torch.cat([_FAR * INPUTS, -_FAR * INPUTS, INPUTS]))
    return f"{answers[0]:g}" if len(answers.unique()) == 1 else ""


def _is_sum(ask: Ask) -> bool:
    """Whether inputs are weighed and added, here and elsewhere, and no more."""
    bias, *ends = ask(INPUTS[:3])
    places = torch.cat([INPUTS, tensor([[3.0, -2.0], [-1.5, 0.25], [0.5, 7.0]])])
    sums = places.double() @ (torch.stack(ends) - bias)
    return bool(sums.any()) and same(ask(places), sums + bias)


def _is_sigmoid(ask: Ask, wanted: Tensor) -> bool:
    sums = ask(INPUTS).logit()
    is_line = same(sums[0] + sums[3], sums[1] + sums[2])
    return is_line and same((sums > 0).double(), wanted)


def _perceptron(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return step(x @ weight + bias)


def _update(weight: Tensor, x: Tensor, target: Tensor) -> Tensor:
    return weight + (target - step(weight @ x)) * x


def _one_by_one(w: Tensor, x: Tensor, t: Tensor) -> Tensor:
    """Each weight changed before the perceptron is asked anew for the next."""
    w = w.clone()
    for i in range(len(w)):
        w[i] += (t - step(w @ x)) * x[i]
    return w


EXERCISES = (
    *map(_gate, ("AND", "OR", "NAND", "XOR")),
    Exercise(
        "perceptron",
        _perceptron,
        batched=1,
        fresh=drawn("normal N D", "normal D", "normal", N=4, D=2),
    ),
    Exercise(
        "update",
        _update,
        fresh=[
            (sign * weight, x.index_fill(0, tensor(0), 1), tensor(wanted).double())
            for weight, x in drawn("normal 3", "normal 3")
            for wanted in (0.0, 1.0)
            for sign in (1, -1)
        ],
        words={"update": _update, "one_by_one": _one_by_one},
        values={"answer": lambda weight, x, _: step(weight @ x)},
    ),
)
