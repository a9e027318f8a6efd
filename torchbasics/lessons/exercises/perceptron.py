"""Exercises of lesson 1: gates, a perceptron, one step of its rule."""

from collections.abc import Sequence

import torch
from torch import Tensor, tensor

from torchbasics.activations import sigmoid, step
from torchbasics.lessons.exercises.asking import ROWS, Ask, Right
from torchbasics.lessons.exercises.exercise import (
    GENERAL,
    Case,
    Exercise,
    Mistake,
    exercise,
    same,
)
from torchbasics.lessons.textbook import TRUTH_TABLES
from torchbasics.perceptron import INPUTS, separability

NUDGE = 1e-3


def _gate(name: str, **special: Mistake) -> Exercise:
    """A gate to write. What went wrong is found by asking about other points too."""
    wanted = tensor(TRUTH_TABLES[name], dtype=torch.float64)
    tables = {**TRUTH_TABLES, "NOR": (1, 0, 0, 0), "XNOR": (1, 0, 0, 1)}
    others = [tensor(table) for key, table in tables.items() if key != name]

    def wrong_on_the_line(ask: Ask) -> bool:
        return bool((_on_the_line(ask) | (ask(INPUTS) == wanted)).all())

    def is_sigmoid(ask: Ask) -> bool:
        sums = ask(INPUTS).logit()
        is_line = same(sums[0] + sums[3], sums[1] + sums[2])
        return is_line and same((sums > 0).double(), wanted)

    mistakes: dict[str, Mistake] = {
        **GENERAL,
        **special,
        "not_summed": lambda ask, _: ask(INPUTS).shape == INPUTS.shape,
        "signs": lambda ask, _: same((ask(INPUTS) + 1) / 2, wanted),
        "no_step": lambda ask, _: not _binary(ask) and same(step(ask(INPUTS)), wanted),
        "at_least": lambda ask, _: (
            wrong_on_the_line(ask) and bool((ask(INPUTS) >= wanted).all())
        ),
        "on_the_line": lambda ask, _: (
            wrong_on_the_line(ask) and bool((ask(INPUTS) <= wanted).all())
        ),
        "inverted": lambda ask, _: same(1 - ask(INPUTS), wanted),
        "bias_sign": lambda ask, _: same(1 - ask(-INPUTS), wanted),
        "no_bias": lambda ask, _: _line_through_zero(ask),
        "sigmoid_for_step": lambda ask, _: is_sigmoid(ask),
        "other_gate": lambda ask, _: any(same(ask(INPUTS), t) for t in others),
        "always_0": lambda ask, _: not ask(INPUTS).any(),
        "always_1": lambda ask, _: bool((ask(INPUTS) == 1).all()),
        "one_input": lambda ask, _: any(
            same(ask(INPUTS), x) or same(ask(INPUTS), 1 - x) for x in INPUTS.T
        ),
        "column": lambda ask, _: same(ask(INPUTS), wanted[:, None]),
    }
    places = tensor([1, 2])  # in the truth table
    right = lambda x: wanted[x.long() @ places]  # noqa: E731
    return Exercise(right, [(INPUTS.double(),)], mistakes, ROWS, alone=1)


def _on_the_line(ask: Ask) -> Tensor:
    """Which inputs lie on the edge of a half plane.

    There one of two opposite nudges changes the answer, and never both do.
    """
    here = ask(INPUTS)
    edges = torch.zeros(len(INPUTS), dtype=torch.bool)
    spikes = edges.clone()
    for nudge in NUDGE * torch.eye(2):
        changes = [ask(INPUTS + sign * nudge) != here for sign in (1, -1)]
        edges |= changes[0] ^ changes[1]
        spikes |= changes[0] & changes[1]
    return edges & ~spikes


def _line_through_zero(ask: Ask) -> bool:
    """Whether only directions count, and some weights alone give these answers."""
    both = torch.cat([INPUTS, -INPUTS])
    sums = both @ torch.cartesian_prod(*[torch.arange(-2.0, 3)] * 2).T
    answers = ask(both)
    lines = (step(sums), (sums >= 0).float())
    return same(answers, ask(NUDGE * both)) and any(
        same(answers, line) for line in torch.cat(lines, 1).T if 0 < line[1:].sum() < 7
    )


def _needs_one_line(ask: Ask, _: Sequence[Case]) -> bool:
    return _binary(ask) and separability(INPUTS, ask(INPUTS).int()).separable


def _binary(ask: Ask) -> bool:
    return set(ask(INPUTS).tolist()) <= {0, 1}


def _perceptron(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return step(x @ weight + bias)


def _update(
    w: Tensor, x: Tensor, t: Tensor, rate: float = 1, of: Right = step
) -> Tensor:
    return w + rate * (t - of(w @ x)) * x


_UNITS = [
    (INPUTS, tensor([1.0, 1.0]), tensor(-1.0)),
    (INPUTS, tensor([0.5, -0.5]), tensor(0.2)),
    (INPUTS, tensor([-1.0, 2.0]), tensor(1.0)),
    (INPUTS, tensor([-1.0, -2.0]), tensor(1.5)),
]
_STEPS = [
    (tensor(weight), tensor(x), tensor(wanted))
    for weight, x, wanted in (
        ([0.0, 0.0, 0.0], [1.0, 1.0, 0.0], 1.0),
        ([0.0, 1.0, 2.0], [1.0, 0.0, 1.0], 0.0),
        ([-1.0, 2.0, 1.0], [1.0, 1.0, 1.0], 1.0),
        ([-2.0, 1.0, -1.0], [1.0, 1.0, 0.0], 0.0),
        ([-2.0, -1.0, 0.5], [1.0, 1.0, 1.0], 1.0),
        ([0.123, 1.618, -2.718], [1.0, 0.456, -0.789], 0.0),
        ([-0.5, -1.0, 0.25], [1.0, -1.0, 0.0], 0.0),
    )
]

EXERCISES: dict[str, Exercise] = {
    "and": _gate("AND"),
    "or": _gate("OR"),
    "nand": _gate("NAND"),
    "xor": _gate("XOR", one_line=_needs_one_line),
    "perceptron": exercise(
        _perceptron,
        _UNITS,
        batched=1,
        at_least=lambda x, w, b: (x @ w + b >= 0).float(),
        no_bias=lambda x, w, b: step(x @ w),
        bias_sign=lambda x, w, b: step(x @ w - b),
        no_step=lambda x, w, b: x @ w + b,
        signs=(
            lambda x, w, b: 2 * step(x @ w + b) - 1,
            lambda x, w, b: torch.sign(x @ w + b),
        ),
        inverted=(
            lambda x, w, b: 1 - step(x @ w + b),
            lambda x, w, b: (x @ w + b < 0).float(),
        ),
        not_summed=lambda x, w, b: step(x * w + b),
        sigmoid_for_step=lambda x, w, b: sigmoid(x @ w + b),
        one_term=(
            lambda x, w, b: step(x[:, -1] * w[-1] + b),
            lambda x, w, b: step(x[:, -1] * w[-1]),
            lambda x, w, b: step(x[:, 0] * w[0] + b),
        ),
        bias_each_term=lambda x, w, b: step(x @ w + len(w) * b),
    ),
    "update": exercise(
        _update,
        _STEPS,
        away=lambda w, x, t: _update(w, x, t, -1),
        always_moves=lambda w, x, t: w + (2 * t - 1) * x,
        no_input=lambda w, x, t: w + (t - step(w @ x)),
        sum_for_answer=lambda w, x, t: _update(w, x, t, of=lambda s: s),
        at_least=lambda w, x, t: _update(w, x, t, of=lambda s: (s >= 0).float()),
        sigmoid_for_step=lambda w, x, t: _update(w, x, t, of=sigmoid),
        adds_target=lambda w, x, t: w + t * x,
        only_adds=lambda w, x, t: w + (t - step(w @ x)).abs() * x,
        change_only=lambda w, x, t: (t - step(w @ x)) * x,
        other_rate=tuple(
            lambda w, x, t, rate=rate: _update(w, x, t, rate)
            for rate in (0.01, 0.1, 0.5, 2)
        ),
        unchanged=lambda w, x, t: w,
        bias_unchanged=lambda w, x, t: torch.cat([w[:1], _update(w, x, t)[1:]]),
        no_bias=lambda w, x, t: w + (t - step(w[1:] @ x[1:])) * x,
        one_term=lambda w, x, t: w + (t - step(w[-1] * x[-1])) * x,
    ),
}
