"""The vanishing lab in four panels: where gradients go, and who learns without them."""

from collections.abc import Callable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from torchbasics.lessons.checks import Words
from torchbasics.lessons.figures import canvas
from torchbasics.lessons.figures.canvas import BLUE, GREEN, GREY, INK, ORANGE, RED
from torchbasics.lessons.lab.networks import SWEPT, VARIANTS, Start, Swept
from torchbasics.lessons.lab.training import Snapshot

LOOKS: dict[str, canvas.Look] = {
    "sigmoid": {"color": BLUE, "marker": "o", "ls": "-"},
    "relu": {"color": RED, "marker": "s", "ls": "-"},
    "batch-norm": {"color": GREEN, "marker": "^", "ls": "--"},
    "residual": {"color": ORANGE, "marker": "D", "ls": "--"},
    "critical": {"color": GREY, "marker": "v", "ls": "--"},
    "adam": {"color": INK, "marker": "x", "ls": ":"},
}
"""Colour, marker and line of each network, the same in every panel."""

DEEP_LOOKS: tuple[canvas.Look, ...] = (
    {"color": BLUE, "marker": "o", "mfc": "none"},
    {"color": BLUE, "marker": "o"},
    {"color": RED, "marker": "s", "mfc": "none"},
    {"color": RED, "marker": "s"},
    {"color": GREEN, "marker": "^"},
)


def vanishing(
    starts: Mapping[str, Start],
    sweep: Sequence[Swept],
    histories: Mapping[str, Sequence[Snapshot]],
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
    canvas.caption(hits, words["learned"], words["learned_note"])
    through_training(hits, histories, lambda snapshot: 100 * snapshot.accuracy)
    labels = [words[name] for name in histories]
    figure.legend(hits.lines, labels, loc=(0.06, 0.468), ncols=6)
    return figure


def by_layer(axes: Axes, starts: Mapping[str, Start], words: Words) -> None:
    """Measured points, predicted lines, and the textbook's bound."""
    for name, start in starts.items():
        layers = list(range(1, len(start.measured) + 1))
        look, kind = LOOKS[name], VARIANTS[name].activation
        label = f"{kind}: {words['measured']}, {words['predicted']}"
        axes.plot(layers, start.predicted, color=look["color"], lw=1.5)
        axes.plot(layers, start.measured, **(look | {"ls": ""}))
        axes.plot([], [], **(look | {"ls": "-"}), lw=1.5, label=label)
    bound = [0.25 ** (layers[-1] - layer) for layer in layers]
    axes.plot(layers, bound, **canvas.BOUND, label=words["bound"])
    axes.legend(loc="lower right")
    axes.set_xlabel(words["hidden layer"])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    canvas.caption(axes, words["by_layer"], words["by_layer_note"])


def by_depth(axes: Axes, sweep: Sequence[Swept], words: Words) -> None:
    """What is left at the first layer: points for networks, lines for the law."""
    depths = [swept.depth for swept in sweep]
    for index, (variant, look) in enumerate(zip(SWEPT, DEEP_LOOKS, strict=True)):
        law = [float(swept.starts[index].predicted[0]) for swept in sweep]
        axes.plot(depths, law, color=look["color"], lw=1.5)
        left = [swept.starts[index].left for swept in sweep]
        label = f"{variant.activation}, {variant.init}"
        axes.plot(depths, left, ls="", **look, label=label)
    axes.legend(loc="lower left")
    axes.set_xlabel(words["hidden layers"])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    canvas.caption(axes, words["by_depth"], words["by_depth_note"])


def through_training(
    axes: Axes,
    histories: Mapping[str, Sequence[Snapshot]],
    value: Callable[[Snapshot], float],
) -> None:
    """One number of each network over its steps."""
    for name, history in histories.items():
        steps = [snapshot.step for snapshot in history]
        values = [value(snapshot) for snapshot in history]
        axes.plot(steps, values, **LOOKS[name], lw=1.5, ms=5)
