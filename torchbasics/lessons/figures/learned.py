"""Lesson 5 as curves and planes: XOR learned, or not, and a curve fitted."""

from collections.abc import Callable

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from torch import Tensor

from torchbasics.lessons import small_networks
from torchbasics.lessons.checks import Words
from torchbasics.lessons.figures import canvas, planes
from torchbasics.lessons.figures.canvas import BLUE, GREEN, GREY, INK, ORANGE, Point
from torchbasics.lessons.small_networks import FIRST, OPTIMIZERS, TARGETS, Networks
from torchbasics.perceptron import INPUTS

GRID = torch.linspace(-0.375, 1.375, 8)  # between the four points

ACROSS: dict[str, canvas.Look] = {
    "grid_x1": {"color": BLUE, "ls": "-", "lw": 1.2},
    "grid_x2": {"color": ORANGE, "ls": "--", "lw": 1.2},
}
"""The grid on the plane: lines of equal x1, and lines of equal x2."""


def xor(words: Words) -> Figure:
    """A hundred starts, one that got stuck, one that learned; and a sine."""
    figure = canvas.sheet(11.5, words["learned"])
    grid = canvas.panels(figure, 2, 3, bottom=0.045, top=0.857, hspace=0.42)
    panels = (losses, stuck, success, input_plane, hidden_plane, curve)
    for cell, panel in enumerate(panels):
        panel(figure.add_subplot(grid[cell]), words)
    samples = [
        Line2D([], [], **canvas.dot(), label=words["wanted_1"]),
        Line2D([], [], **canvas.dot(filled=False), label=words["wanted_0"]),
        Patch(color=canvas.PALE, label=words["shaded_learned"]),
        *(Line2D([], [], **look, label=words[key]) for key, look in ACROSS.items()),
    ]
    figure.legend(handles=samples, loc=(0.022, 0.926), ncols=6)
    return figure


def losses(axes: Axes, words: Words) -> None:
    """The loss of each of a hundred networks, and the two levels where some stay."""
    outcome = small_networks.hundred(2, FIRST)
    steps = len(outcome.losses)
    note = words["losses_note"].format(optimizer=FIRST)
    canvas.caption(axes, words["losses"], note)
    axes.set(xlim=(0, steps), ylim=(0, 0.85), xlabel=words["step_number"])
    axes.set_ylabel(words["loss"])
    for solved, look in ((True, canvas.SOLID), (False, canvas.DASHED)):
        chosen = outcome.losses[:, outcome.solved == solved]
        axes.plot(chosen, **look, lw=0.8, alpha=0.6)
        label = words[f"solved_{solved}"].format(count=chosen.shape[1])
        axes.plot([], [], **look, lw=1.5, label=label)
    white = {"fc": "white", "ec": "none", "pad": 1}
    for level, key in zip(small_networks.plateaus(), ("half", "third"), strict=True):
        axes.axhline(level, **canvas.BOUND)
        text, at = words[key].format(loss=f"{level:.2f}"), (steps, level)
        canvas.write(axes, text, at, (-4, -5), ha="right", va="top", bbox=white)
    axes.legend(loc="upper right")


def stuck(axes: Axes, words: Words) -> None:
    """What a network that got stuck answers, what it should, and what it sees."""
    networks = failed()
    probs = networks(INPUTS).sigmoid()[0].tolist()
    one, other = (x for x, p in zip(planes.NAMES, probs, strict=True) if 0.4 < p < 0.6)
    note = words["stuck_note"].format(one=one, other=other)
    canvas.caption(axes, words["stuck"], note)
    axes.set(xlim=(-0.5, 3.5), ylim=(-0.07, 1.25), yticks=(0, 0.5, 1))
    axes.set_ylabel(words["probability"])
    axes.bar(range(4), probs, 0.5, color="#d9d9d9", ec=GREY, lw=1.5)
    axes.axhline(0.5, color=GREY, ls=":", lw=1)
    for x, (p, wanted) in enumerate(zip(probs, TARGETS.tolist(), strict=True)):
        axes.plot(x, wanted, **canvas.dot(filled=wanted == 1))
        canvas.write(axes, f"{p:.2f}", (x, p), (0, 9), ha="center")
    moved = zip(planes.NAMES, networks.hidden(INPUTS)[0].tolist(), strict=True)
    labels = [f"{x}\nh₁ = {h1:.2f}\nh₂ = {h2:.2f}" for x, (h1, h2) in moved]
    axes.set_xticks(range(4), labels)


def success(axes: Axes, words: Words) -> None:
    """How many of a hundred learned it, by network and optimizer."""
    canvas.caption(axes, words["success"], words["success_note"])
    axes.set(ylim=(0, 118), yticks=range(0, 101, 25), ylabel=words["of_hundred"])
    for hidden, look in ((2, canvas.HATCHED), (4, canvas.FULL)):
        for place, name in enumerate(OPTIMIZERS):
            count = int(small_networks.hundred(hidden, name).solved.sum())
            x = place + 0.19 * (hidden - 3)
            label = f"2-{hidden}-1" if place == 0 else None
            axes.bar(x, count, 0.34, ec=BLUE, label=label, **look)
            canvas.write(axes, str(count), (x, count), (0, 3), ha="center")
    axes.set_xticks(range(len(OPTIMIZERS)), list(OPTIMIZERS))
    axes.legend(loc="upper right", ncols=2)


def input_plane(axes: Axes, words: Words) -> None:
    """Where the network that learned XOR answers 1, and its hidden units' lines."""
    networks = small_networks.solver()
    canvas.caption(axes, words["answers"], words["answers_note"])
    planes.plane(axes, INPUTS, TARGETS, lambda x: (networks(x)[0] > 0).float())
    moved_grid(axes, lambda x: x, (1.2, 1.2), alpha=0.5)
    for name, x in zip(planes.NAMES, INPUTS.tolist(), strict=True):
        canvas.write(axes, name, x, (0, 7), ha="center")
    units = torch.cat([networks.bias1[0], networks.weight1[0]]).T.tolist()
    planes.line(axes, units[0], "h₁ = 1/2", 0.4, 1, color=GREEN, ls="-.")
    planes.line(axes, units[1], "h₂ = 1/2", 0.4, 1, **canvas.DASHED)


def hidden_plane(axes: Axes, words: Words) -> None:
    """Where its hidden layer moved the plane, before and after; the output's line."""
    networks = small_networks.solver()
    bias, weight = networks.bias2[0, 0], networks.weight2[0, :, 0]
    parameters = (float(bias), *weight.tolist())
    moved = networks.hidden(INPUTS)[0]
    canvas.caption(axes, words["fold"], words["fold_note"])
    planes.plane(axes, moved, TARGETS, lambda h: (h @ weight + bias > 0).float())
    planes.origins(axes, moved, words)
    axes.set(xlim=(-0.35, 1.35), ylim=(-0.35, 1.35), xlabel="h₁", ylabel="h₂")
    seed = int(small_networks.hundred(2, FIRST).solved.nonzero()[0])
    start = Networks(2, [seed]).requires_grad_(False)
    moved_grid(axes, lambda x: start.hidden(x)[0], (0.8, 0.8))
    axes.text(0.3, 0.5, words["at_start"])
    moved_grid(axes, lambda x: networks.hidden(x)[0], (5, 1.2))  # one lies on the other
    planes.line(axes, parameters, "p = 1/2", 0.67, 1, color=INK)
    text = planes.formula([round(value, 1) for value in parameters], "h")
    axes.text(0.12, -0.25, f"p = 1/2:  {text}")


def moved_grid(
    axes: Axes, move: Callable[[Tensor], Tensor], widths: Point, alpha: float = 1
) -> None:
    """Where a function moves the grid's lines, of x1 and then of x2.

    Shape: the function makes (N, 2) of (N, 2).
    """
    along = torch.linspace(-0.5, 1.5, 101)
    for (key, look), width in zip(ACROSS.items(), widths, strict=True):
        for at in GRID:
            pair = [at.expand(101), along]
            x = torch.stack(pair if key == "grid_x1" else pair[::-1], 1)
            axes.plot(*move(x).T, **(look | {"lw": width}), alpha=alpha)


def curve(axes: Axes, words: Words) -> None:
    """A network's curve before, during and after training, and its 40 points."""
    canvas.caption(axes, words["sine"], words["sine_note"])
    looks = {0: (GREY, ":"), 100: (ORANGE, "--"), 1000: (BLUE, "-")}
    at = torch.linspace(0, 1, 201)[:, None]
    for steps, (color, ls) in looks.items():
        x, y, model = small_networks.sine_fit(steps)
        error = (model(x) - y).square().mean()
        label = words["after_steps"].format(steps=f"{steps:,}", error=f"{error:.4f}")
        axes.plot(at, model(at).detach(), color=color, ls=ls, label=label)
    axes.plot(x, y, "o", color=INK, ms=4, mfc="white", label=words["forty"])
    axes.set(xticks=(0, 0.5, 1), ylim=(-1.3, 2.1), yticks=(-1, 0, 1))
    axes.set(xlabel="x", ylabel="y")
    axes.legend(loc="upper right")


def failed() -> Networks:
    """The first of a hundred that got stuck with two answers at 1/2."""
    outcome = small_networks.hundred(2, FIRST)
    gaps = (outcome.losses[-1] - small_networks.plateaus()[0]).abs()
    return outcome.networks.only(int((gaps < 0.02).nonzero()[0]))
