"""Exercises of lesson 1: gates, a perceptron, one step of its rule."""

from collections.abc import Sequence

import torch
from torch import Tensor, tensor

from torchbasics.activations import step
from torchbasics.lessons.exercises.asking import ROWS, Ask
from torchbasics.lessons.exercises.exercise import (
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
    others = {key: tensor(table) for key, table in TRUTH_TABLES.items() if key != name}

    def wrong_on_the_line(ask: Ask) -> bool:
        return bool((_on_the_line(ask) | (ask(INPUTS) == wanted)).all())

    mistakes: dict[str, Mistake] = {
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
        **special,
        "other_gate": lambda ask, _: any(same(ask(INPUTS), t) for t in others.values()),
        "always_0": lambda ask, _: not ask(INPUTS).any(),
        "always_1": lambda ask, _: bool((ask(INPUTS) == 1).all()),
        "one_input": lambda ask, _: any(
            same(ask(INPUTS), x) or same(ask(INPUTS), 1 - x) for x in INPUTS.T
        ),
        "column": lambda ask, _: same(ask(INPUTS), wanted[:, None]),
    }
    return Exercise(lambda x: wanted, [(INPUTS,)], mistakes, ROWS, alone=True)


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
    """Whether only directions count, and of two opposite ones at most one answers 1."""
    both = torch.cat([INPUTS, -INPUTS])
    answers = ask(both)
    here, opposite = answers.chunk(2)
    return (
        set(answers.tolist()) == {0, 1}
        and same(answers, ask(NUDGE * both))
        and not bool((here * opposite)[1:].any())
    )


def _needs_one_line(ask: Ask, _: Sequence[Case]) -> bool:
    return _binary(ask) and separability(INPUTS, ask(INPUTS).int()).separable


def _binary(ask: Ask) -> bool:
    return set(ask(INPUTS).tolist()) <= {0, 1}


def _perceptron(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return step(x @ weight + bias)


def _update(weight: Tensor, x: Tensor, target: Tensor) -> Tensor:
    return weight + (target - step(weight @ x)) * x


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
        batched=True,
        at_least=lambda x, weight, bias: (x @ weight + bias >= 0).float(),
        no_bias=lambda x, weight, bias: step(x @ weight),
        bias_sign=lambda x, weight, bias: step(x @ weight - bias),
        no_step=lambda x, weight, bias: x @ weight + bias,
        signs=(
            lambda x, weight, bias: 2 * step(x @ weight + bias) - 1,
            lambda x, weight, bias: torch.sign(x @ weight + bias),
        ),
        inverted=(
            lambda x, weight, bias: 1 - step(x @ weight + bias),
            lambda x, weight, bias: (x @ weight + bias < 0).float(),
        ),
        not_summed=lambda x, weight, bias: step(x * weight + bias),
    ),
    "update": exercise(
        _update,
        _STEPS,
        away=lambda weight, x, target: weight - (target - step(weight @ x)) * x,
        always_moves=lambda weight, x, target: weight + (2 * target - 1) * x,
        no_input=lambda weight, x, target: weight + (target - step(weight @ x)),
        sum_for_answer=lambda weight, x, target: weight + (target - weight @ x) * x,
        at_least=lambda weight, x, target: (
            weight + (target - (weight @ x >= 0).float()) * x
        ),
        adds_target=lambda weight, x, target: weight + target * x,
        only_adds=lambda weight, x, target: (
            weight + (target - step(weight @ x)).abs() * x
        ),
        change_only=lambda weight, x, target: (target - step(weight @ x)) * x,
        other_rate=lambda weight, x, target: (
            weight + 0.1 * (target - step(weight @ x)) * x
        ),
    ),
}
