"""The vanishing lab in four panels: where gradients go, and who learns without them."""

from collections.abc import Callable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from torchbasics.lessons.checks import Words
from torchbasics.lessons.figures import canvas
from torchbasics.lessons.figures.canvas import BLUE, GREEN, GREY, INK, ORANGE, RED
from torchbasics.lessons.lab.networks import PAIR, SWEPT
from torchbasics.lessons.lab.start import Start
from torchbasics.lessons.lab.training import Snapshot
from torchbasics.lessons.lab.verdict import Histories
from torchbasics.lessons.vanishing import LABORATORY

LOOKS: tuple[canvas.Look, ...] = (
    {"color": BLUE, "marker": "o", "ls": "-"},
    {"color": RED, "marker": "s", "ls": "-"},
    {"color": GREEN, "marker": "^", "ls": "--"},
    {"color": ORANGE, "marker": "D", "ls": "--"},
    {"color": GREY, "marker": "v", "ls": "--"},
    {"color": INK, "marker": "x", "ls": ":"},
)
"""Colour, marker and line of each network; the first two are the pair's."""

DEEP_LOOKS: tuple[canvas.Look, ...] = (
    {"color": BLUE, "marker": "o", "mfc": "none"},
    {"color": BLUE, "marker": "o"},
    {"color": RED, "marker": "s", "mfc": "none"},
    {"color": RED, "marker": "s"},
    {"color": GREEN, "marker": "^"},
)


def start(words: Words) -> Figure:
    """Gradients by layer and by depth before training, as the lesson measures them."""
    figure = canvas.sheet(6, words["start"])
    sides = {"left": 0.07, "right": 0.975, "bottom": 0.11, "top": 0.73}
    grid = canvas.panels(figure, 1, 2, wspace=0.2, **sides)
    by_layer(figure.add_subplot(grid[0], yscale="log"), LABORATORY.starts, words)
    by_depth(figure.add_subplot(grid[1], yscale="log"), LABORATORY.sweep, words)
    return figure


def vanishing(
    starts: Sequence[Start],
    sweep: Mapping[int, Sequence[Start]],
    histories: Histories,
    words: Words,
) -> Figure:
    """Gradients by layer and by depth before training; gradients and hits during it."""
    figure = canvas.sheet(11.5, words["figure"])
    sides = {"left": 0.07, "right": 0.975, "bottom": 0.06, "top": 0.855}
    grid = canvas.panels(figure, 2, 2, hspace=0.52, wspace=0.2, **sides)
    by_layer(figure.add_subplot(grid[0], yscale="log"), starts, words)
    by_depth(figure.add_subplot(grid[1], yscale="log"), sweep, words)
    gradients = figure.add_subplot(grid[2], yscale="log", xlabel=words["steps"])
    canvas.caption(gradients, words["in_training"], words["in_training_note"])
    through_training(gradients, histories, lambda snapshot: snapshot.left)
    hits = figure.add_subplot(grid[3], ylim=(0, 100), xlabel=words["steps"])
    canvas.caption(hits, words["learned_title"], words["learned_note"])
    through_training(hits, histories, lambda snapshot: 100 * snapshot.accuracy)
    labels = [variant.name for variant in histories]
    figure.legend(hits.lines, labels, loc=(0.06, 0.46), ncols=6)
    return figure


def by_layer(axes: Axes, starts: Sequence[Start], words: Words) -> None:
    """Measured points, predicted lines, and the textbook's bound."""
    layers = list(range(1, len(starts[0].measured) + 1))
    for variant, start, look in zip(PAIR, starts, LOOKS, strict=False):
        label = f"{variant.activation}: {words['measured']}, {words['predicted']}"
        axes.plot(layers, start.predicted, color=look["color"], lw=1.5)
        axes.plot(layers, start.measured, **(look | {"ls": ""}))
        axes.plot([], [], **(look | {"ls": "-"}), lw=1.5, label=label)
    bound = [0.25 ** (layers[-1] - layer) for layer in layers]
    axes.plot(layers, bound, **canvas.BOUND, label=words["bound"])
    axes.legend(loc="lower right")
    axes.set_xlabel(words["hidden layer"])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    canvas.caption(axes, words["by_layer"], words["by_layer_note"])


def by_depth(axes: Axes, sweep: Mapping[int, Sequence[Start]], words: Words) -> None:
    """What is left at the first layer: points for networks, lines for the law."""
    by_variant = zip(*sweep.values(), strict=True)
    for variant, starts, look in zip(SWEPT, by_variant, DEEP_LOOKS, strict=True):
        law = [float(start.predicted[0]) for start in starts]
        axes.plot([*sweep], law, color=look["color"], lw=1.5)
        left, label = [start.left for start in starts], variant.name
        axes.plot([*sweep], left, ls="", **look, label=label)
    axes.legend(loc="lower left")
    axes.set_xlabel(words["hidden layers"])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    canvas.caption(axes, words["by_depth"], words["by_depth_note"])


def through_training(
    axes: Axes, histories: Histories, value: Callable[[Snapshot], float]
) -> None:
    """One number of each network over its steps."""
    for history, look in zip(histories.values(), LOOKS, strict=False):
        steps = [snapshot.step for snapshot in history]
        values = [value(snapshot) for snapshot in history]
        axes.plot(steps, values, **look, lw=1.5, ms=5)
