"""Lesson 5 as curves and planes: XOR learned, or not, and a curve fitted."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from torchbasics.lessons.checks import Words
from torchbasics.lessons.figures import planes
from torchbasics.lessons.figures.canvas import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALE,
    RED,
    caption,
    sheet,
    write,
)
from torchbasics.lessons.learning import sine_fit
from torchbasics.lessons.xor import (
    OPTIMIZERS,
    TARGETS,
    Networks,
    hundred,
    learn,
    plateaus,
    solver,
)
from torchbasics.perceptron import INPUTS

FIRST = next(iter(OPTIMIZERS))
GRID = torch.linspace(-0.375, 1.375, 8)  # between the four points


def xor(words: Words) -> Figure:
    """A hundred starts, one that got stuck, one that learned; and a sine."""
    figure = sheet(11.5, words["learned"])
    sides = {"left": 0.045, "right": 0.985, "bottom": 0.045, "top": 0.857}
    grid = figure.add_gridspec(2, 3, hspace=0.42, **sides)
    panels = (losses, stuck, success, input_plane, hidden_plane, curve)
    for cell, panel in enumerate(panels):
        panel(figure.add_subplot(grid[cell // 3, cell % 3]), words)
    dot: dict[str, Any] = {"marker": "o", "ms": 10, "mew": 2, "ls": "", "color": INK}
    handles = {
        "wanted_1": Line2D([], [], **dot),
        "wanted_0": Line2D([], [], **dot, markerfacecolor="white"),
        "shaded_learned": Patch(color=PALE),
        **{key: Line2D([], [], **look) for key, look in ACROSS.items()},
    }
    labels = [words[key] for key in handles]
    figure.legend(list(handles.values()), labels, loc=(0.022, 0.926), ncols=6)
    return figure


ACROSS: dict[str, dict[str, Any]] = {
    "grid_x1": {"color": BLUE, "ls": "-", "lw": 1.2},
    "grid_x2": {"color": ORANGE, "ls": "--", "lw": 1.2},
}
"""The grid on the plane: lines of equal x1, and lines of equal x2."""


def losses(axes: Axes, words: Words) -> None:
    """The loss of each of a hundred networks, and the two levels where some stay."""
    outcome = hundred(2, FIRST)
    caption(axes, words["losses"], words["losses_note"].format(optimizer=FIRST))
    axes.set(xlim=(0, len(outcome.losses)), ylim=(0, 0.85), xlabel=words["step_number"])
    axes.set_ylabel(words["loss"])
    for solved, color, ls in ((True, BLUE, "-"), (False, RED, "--")):
        chosen = outcome.losses[:, outcome.solved == solved]
        axes.plot(chosen, color=color, ls=ls, lw=0.8, alpha=0.6)
        label = words[f"solved_{solved}"].format(count=chosen.shape[1])
        axes.plot([], [], color=color, ls=ls, lw=1.5, label=label)
    for level, key in zip(plateaus(), ("half", "third"), strict=True):
        axes.axhline(level, color=INK, ls=":", lw=1.5)
        text = words[key].format(loss=f"{level:.2f}")
        look: dict[str, Any] = {"bbox": {"fc": "white", "ec": "none", "pad": 1}}
        at = (len(outcome.losses), level)
        write(axes, text, at, (-4, -5), ha="right", va="top", **look)
    axes.legend(loc="upper right")


def stuck(axes: Axes, words: Words) -> None:
    """What a network that got stuck answers, what it should, and what it sees."""
    networks = failed()
    probs = networks(INPUTS).sigmoid()[0].tolist()
    names = [str(tuple(x)) for x in INPUTS.int().tolist()]
    one, other = (x for x, p in zip(names, probs, strict=True) if 0.4 < p < 0.6)
    caption(axes, words["stuck"], words["stuck_note"].format(one=one, other=other))
    axes.set(xlim=(-0.5, 3.5), ylim=(-0.07, 1.25), yticks=(0, 0.5, 1))
    axes.set_ylabel(words["probability"])
    axes.bar(range(4), probs, 0.5, color="#d9d9d9", ec=GREY, lw=1.5)
    axes.axhline(0.5, color=GREY, ls=":", lw=1)
    for x, (p, wanted) in enumerate(zip(probs, TARGETS.tolist(), strict=True)):
        face = INK if wanted else "white"
        axes.plot(x, wanted, "o", color=INK, mfc=face, ms=10, mew=2)
        write(axes, f"{p:.2f}", (x, p), (0, 9), ha="center")
    moved = zip(names, networks.hidden(INPUTS)[0].tolist(), strict=True)
    labels = [f"{x}\nh₁ = {h1:.2f}\nh₂ = {h2:.2f}" for x, (h1, h2) in moved]
    axes.set_xticks(range(4), labels)


def success(axes: Axes, words: Words) -> None:
    """How many of a hundred learned it, by network and optimizer."""
    caption(axes, words["success"], words["success_note"])
    axes.set(ylim=(0, 118), yticks=range(0, 101, 25), ylabel=words["of_hundred"])
    looks: dict[int, dict[str, Any]] = {
        2: {"fc": "white", "hatch": "////"},
        4: {"fc": BLUE},
    }
    for hidden, look in looks.items():
        for place, name in enumerate(OPTIMIZERS):
            count = int(hundred(hidden, name).solved.sum())
            x = place + 0.19 * (hidden - 3)
            label = f"2-{hidden}-1" if place == 0 else None
            axes.bar(x, count, 0.34, ec=BLUE, label=label, **look)
            write(axes, str(count), (x, count), (0, 3), ha="center")
    axes.set_xticks(range(len(OPTIMIZERS)), list(OPTIMIZERS))
    axes.legend(loc="upper right", ncols=2)


def input_plane(axes: Axes, words: Words) -> None:
    """Where the network that learned XOR answers 1, and its hidden units' lines."""
    networks = learned()
    caption(axes, words["answers"], words["answers_note"])
    planes.plane(axes, lambda x: (networks(x)[0] > 0).float())
    for key, look in ACROSS.items():
        for at in GRID:
            draw = axes.axvline if key == "grid_x1" else axes.axhline
            draw(float(at), **look, alpha=0.5)
    planes.points(axes, INPUTS, TARGETS)
    for x in INPUTS.int().tolist():
        write(axes, str(tuple(x)), x, (0, 7), ha="center")
    for unit, (color, ls) in enumerate(((GREEN, "-."), (RED, "--"))):
        bias, weight = networks.bias1[0, 0, unit], networks.weight1[0, :, unit]
        text = f"h{'₁₂'[unit]} = 1/2"
        parameters = (float(bias), *weight.tolist())
        planes.line(axes, parameters, text, 0.4, 1, color=color, ls=ls)


def hidden_plane(axes: Axes, words: Words) -> None:
    """Where its hidden layer moved the plane, before and after; the output's line."""
    networks = learned()
    bias, weight = networks.bias2[0, 0], networks.weight2[0, :, 0]
    parameters = (float(bias), *weight.tolist())
    caption(axes, words["fold"], words["fold_note"])
    planes.plane(axes, lambda h: (h @ weight + bias > 0).float())
    axes.set(xlim=(-0.35, 1.35), ylim=(-0.35, 1.35), xlabel="h₁", ylabel="h₂")
    seed = int(hundred(2, FIRST).solved.nonzero()[0])
    start = Networks(2, [seed]).requires_grad_(False)
    moved_grid(axes, start, 0.8, 0.8)
    axes.text(0.3, 0.5, words["at_start"])
    moved_grid(axes, networks, 5, 1.2)  # one lies on the other
    moved = networks.hidden(INPUTS)[0]
    planes.points(axes, moved, TARGETS)
    planes.origins(axes, moved, words)
    planes.line(axes, parameters, "p = 1/2", 0.67, 1, color=INK)
    text = planes.formula([round(value, 1) for value in parameters], "h")
    axes.text(0.12, -0.25, f"p = 1/2:  {text}")


def moved_grid(axes: Axes, networks: Networks, *widths: float) -> None:
    """Where a network's hidden layer moves the grid's lines, of x1 and then of x2."""
    along = torch.linspace(-0.5, 1.5, 101)
    for (key, look), width in zip(ACROSS.items(), widths, strict=True):
        for at in GRID:
            pair = [at.expand(101), along]
            x = torch.stack(pair if key == "grid_x1" else pair[::-1], 1)
            axes.plot(*networks.hidden(x)[0].T, **(look | {"lw": width}))


def curve(axes: Axes, words: Words) -> None:
    """A network's curve before, during and after training, and its 40 points."""
    caption(axes, words["sine"], words["sine_note"])
    looks = {0: (GREY, ":"), 100: (ORANGE, "--"), 1000: (BLUE, "-")}
    at = torch.linspace(0, 1, 201)[:, None]
    for steps, (color, ls) in looks.items():
        x, y, model = fitted(steps)
        error = (model(x) - y).square().mean()
        label = words["after_steps"].format(steps=f"{steps:,}", error=f"{error:.4f}")
        axes.plot(at, model(at).detach(), color=color, ls=ls, label=label)
    axes.plot(x, y, "o", color=INK, ms=4, mfc="white", label=words["forty"])
    axes.set(xticks=(0, 0.5, 1), ylim=(-1.3, 2.1), yticks=(-1, 0, 1))
    axes.set(xlabel="x", ylabel="y")
    axes.legend(loc="upper right")


@cache
def learned() -> Networks:
    """The first of a hundred networks that learns XOR, trained once."""
    return solver().requires_grad_(False)


@cache
def failed() -> Networks:
    """The first of a hundred that got stuck with two answers at 1/2, trained once."""
    gaps = (hundred(2, FIRST).losses[-1] - plateaus()[0]).abs()
    networks = Networks(2, [int((gaps < 0.02).nonzero()[0])])
    learn(networks, OPTIMIZERS[FIRST])
    return networks.requires_grad_(False)


fitted = cache(sine_fit)
