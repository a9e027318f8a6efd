"""What may explain that a training learned nothing, by what can be measured.

That is what the untrained network passes on, what became of the weights, what a step on
the first training images sees. Each finding is a cause that may be, with settings that
would mend it.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch

from torchbasics.command import settings
from torchbasics.command.terminal import plural
from torchbasics.evaluation import Evaluation, evaluate
from torchbasics.mnist.config import Config
from torchbasics.mnist.training.optim import learning_rate
from torchbasics.mnist.training.resume import as_options
from torchbasics.mnist.training.setup import Training, setup
from torchbasics.probes import Probes, update_ratio

CHANCE = 0.2  # accuracy up to which next to nothing was learned; guessing has 0.1
GUESS = math.log(10)  # the loss of one who guesses
FEW_UNITS = 4  # of a layer: too few to tell ten digits apart
FEW_STEPS = 100  # of a whole run
SOME_LR = 0.05  # share of the learning rate, on average; exponential has 0.14
SCORED = 1000  # training images on which the network is scored
USUAL_BATCH = 100
USUAL_LR = {"sgd": (0.1, 1.0), "adam": (0.001, 0.01), "adamw": (0.001, 0.01)}

Change = dict[str, Any]
"""Settings by their dotted names."""


class Cause(NamedTuple):
    """What was found, and what might mend it."""

    text: str
    changes: list[Change]


def score(training: Training) -> Evaluation:
    """How the network itself, not its average, reads some of the training images."""
    images, labels = training.splits.train.subset(slice(SCORED))
    return evaluate(training.model, images, labels, training.config.data.transform)


def in_words(change: Change) -> str:
    """The change as options of the command line."""
    return " ".join(as_options(settings.flatten(change)))


def causes(training: Training, loss: float) -> Iterator[Cause]:
    """What may explain it, by what was measured; the settings follow, then the rest."""
    config, optim = training.config, training.config.optim
    start = setup(config, training.splits)
    usual = [float(f"{lr * (1 - optim.momentum):.3g}") for lr in USUAL_LR[optim.name]]
    lower: list[Change] = [{"optim.lr": lr} for lr in usual[::-1] if lr < optim.lr]
    higher: list[Change] = [{"optim.lr": lr} for lr in usual if lr > optim.lr]
    if optim.ema and (alone := score(training).accuracy) > CHANCE:
        text = f"--optim.ema {optim.ema:g} averages over some "
        text += f"{1 / (1 - optim.ema):,.0f} steps, and the weights by themselves read "
        yield Cause(f"{text}{100 * alone:.0f} %", [{"optim.ema": 0.0}])
    yield from few_steps(training, usual[-1])
    yield from short_schedule(training)
    yield from short_weights(training, start)
    yield from narrow_layers(config)
    yield from lost_signals(start.probe(), config)
    yield from stuck_units(start.probe(), training.probe(), lower)
    if loss > 2.5 * GUESS:
        yield Cause(f"the loss blew up at --optim.lr {optim.lr:g}", lower)
    if (moved := max(ratios(training, start))) < 0.01:
        yield Cause(f"the weights moved by {100 * moved:.1g} %", higher)
    yield from noisy_settings(config)
    first, last = score(start).loss, score(training).loss
    text = f"on training images the loss went from {first:.3g} to {last:.3g}"
    rest: list[Change] = [{"batch_size": USUAL_BATCH}, {"model.batch_norm": True}]
    yield Cause(text, [*lower, *higher, *rest])


def few_steps(training: Training, lr: float) -> Iterator[Cause]:
    """Batches so large that a run has next to no steps."""
    steps, batch_size = training.progress.step, training.config.batch_size
    if steps < FEW_STEPS and batch_size > USUAL_BATCH:
        text = f"batches of {batch_size:,} images leave {plural(steps, 'step')}"
        smaller: Change = {"batch_size": USUAL_BATCH}
        yield Cause(text, [smaller, smaller | {"optim.lr": lr}])


def short_schedule(training: Training) -> Iterator[Cause]:
    """A learning rate that is next to nothing in nearly all steps."""
    schedule, total = training.config.schedule, training.progress.plan.total_steps
    steps = range(0, total, -(-total // 1000))
    rates = [learning_rate(schedule, 1.0, step, total) for step in steps]
    if (mean := sum(rates) / len(rates)) < SOME_LR:
        text = f"--schedule.name {schedule.name} leaves {100 * mean:.1g} % of "
        yield Cause(f"{text}--optim.lr on average", [{"schedule.name": "linear"}])


def narrow_layers(config: Config) -> Iterator[Cause]:
    """Hidden layers of so few units that ten digits look alike behind them."""
    hidden = config.model.hidden
    if hidden and min(hidden) < FEW_UNITS:
        wider = [units if units >= FEW_UNITS else 100 for units in hidden]
        text = "is all that a hidden layer has, too little to tell ten digits apart"
        units = "1 unit" if min(hidden) == 1 else f"{min(hidden)} units"
        yield Cause(f"{units} {text}", [{"model.hidden": wider}])


def short_weights(training: Training, start: Training) -> Iterator[Cause]:
    """Weights that a setting has drawn towards 0, or cut."""
    optim, linears = training.config.optim, training.model.linears().values()
    pairs = zip(linears, start.model.linears().values(), strict=True)
    left = [
        float(a.weight.detach().norm() / b.weight.detach().norm()) for a, b in pairs
    ]
    for name, value, few, whose, of in (
        ("weight_decay", optim.weight_decay, 0.1, "the weights", left),
        ("max_norm", optim.max_norm, 0.2, "the hidden units' weights", left[:-1]),
    ):  # --optim.max-norm leaves the logits alone, which come last
        if value and of and max(of) < few:
            text = f"--optim.{name.replace('_', '-')} {value:g} left {whose} "
            text += f"{100 * max(of):.1g} % of their length"
            yield Cause(text, [{f"optim.{name}": 0.0}])


def lost_signals(start: Probes, config: Config) -> Iterator[Cause]:
    """What dies in the untrained network already: the gradient, or the signal."""
    names, hidden = list(start.layers), [*config.model.hidden]
    if not hidden:
        return
    changes: list[Change] = [
        {"model.init": "auto"},
        {"model.batch_norm": True},
        {"model.activation": "relu", "model.init": "auto"},
        {"model.hidden": hidden[:2]},
    ]
    first, last = names[0], names[-2]
    norms = start.statistics()["gradient_norm"]
    left = norms[first] / max(norms[last], 1e-30)
    if left < 1e-3:
        text = f"the gradient vanishes: at the start {first} gets {left:.0e} of what "
        yield Cause(f"{text}{last} gets", changes)
    differ = float(start.activations[last].std(0).mean())
    if differ < 1e-3:
        text = f"the signal dies out: at the start the activations of {last} differ by "
        yield Cause(f"{text}only {differ:.0e} from image to image", changes)


def stuck_units(start: Probes, now: Probes, lower: list[Change]) -> Iterator[Cause]:
    """The layer of which most units let no gradient through."""
    before, after = start.statistics(), now.statistics()
    more: list[Change] = [{"model.batch_norm": True}, {"model.init": "auto"}]
    for kind, most, what, why in (
        ("dead", 0.9, "units", "dead, so get no gradient"),
        ("saturated", 0.8, "activations", "saturated, where slopes are next to 0"),
    ):
        name, share = max(after[kind].items(), key=lambda x: x[1], default=("", 0.0))
        if share >= most:
            text = f"{100 * share:.0f} % of the {what} of {name} (at the start "
            text += f"{100 * before[kind][name]:.0f} %) are {why}"
            yield Cause(text, [*lower, *more, {"model.activation": "leaky_relu"}])


def noisy_settings(config: Config) -> Iterator[Cause]:
    """Settings that may leave a network too little to learn from."""
    noisy = [
        "model.dropout", "model.input_dropout", "model.input_noise",
        "optim.label_smoothing", "distort.rotation", "distort.shear", "distort.scale",
        "distort.shift", "distort.elastic",
    ]  # fmt: skip
    values = settings.flatten(config.model_dump(mode="json"))
    used = [name for name in noisy if values[name]]
    distorted = [name for name in used if "distort" in name]
    for names in filter(None, [*([n] for n in used if n not in distorted), distorted]):
        text = in_words({name: values[name] for name in names})
        change = dict.fromkeys(names, 0.0)
        yield Cause(f"{text} leaves too little to learn from", [change])


@torch.no_grad()
def ratios(training: Training, start: Training) -> list[float]:
    """How far each layer's weights came from their start, as a share."""
    both = (one.model.linears().values() for one in (start, training))
    return [update_ratio(a.weight, b.weight) for a, b in zip(*both, strict=True)]
