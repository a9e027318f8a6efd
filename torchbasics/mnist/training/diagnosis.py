"""Why a training learned nothing, in one sentence: what was measured, what to try."""

import math
from collections.abc import Iterator

import torch

from torchbasics.command import settings
from torchbasics.evaluation import Evaluation, evaluate
from torchbasics.mnist.config import Config, OptimConfig
from torchbasics.mnist.training.resume import as_options, fixed_settings
from torchbasics.mnist.training.setup import Training, setup
from torchbasics.probes import Probes, update_ratio

CHANCE = 0.2  # accuracy up to which next to nothing was learned; guessing has 0.1
GUESS = math.log(10)  # the loss of one who guesses
FEW_IMAGES = 10_000  # seen in training: too few to say
SCORED = 1000  # training images on which the network is scored
USUAL_LR = {"sgd": 0.5, "adam": 0.005, "adamw": 0.005}
LENGTH = ("seed", "epochs", "max_steps")


def diagnose(training: Training, evaluation: Evaluation) -> str:
    """What is wrong with a training that ended near chance; nothing if it did not."""
    seen = training.progress.step * training.config.batch_size
    if evaluation.accuracy > CHANCE or seen < FEW_IMAGES:
        return ""
    cause, remedy = next(causes(training, evaluation.loss))
    others = [
        f"without {option}"
        for option in own_settings(training.config)
        if option.split()[0] != remedy.split()[0]
    ]
    return (
        f"it learned next to nothing: {100 * evaluation.accuracy:.1f} % right, loss "
        f"{evaluation.loss:.2g}, where guessing gets 10 % and {GUESS:.1f}; {cause}. "
        f"Try {', or '.join([remedy, *others])}"
    )


def causes(training: Training, loss: float) -> Iterator[tuple[str, str]]:
    """What may explain it, the surest first, each with what to try."""
    config, start = training.config, setup(training.config, training.splits)
    before, after = start.probe(), training.probe()
    other = "fewer layers" if config.model.batch_norm else "--model.batch-norm"
    for text in lost_signals(before):
        yield text, other
    lower, higher = (f"--optim.lr {lr:g}" for lr in usual_rates(config.optim))
    for text, at_start in stuck_units(before, after):
        yield text, other if at_start else lower
    if loss > 2.5 * GUESS:
        yield f"the loss blew up at --optim.lr {config.optim.lr:g}", lower
    old, new = start.model.linears(), training.model.linears()
    with torch.no_grad():
        moved = max(update_ratio(old[n].weight, new[n].weight) for n in old)
    if moved < 0.01:
        yield f"the weights moved by {100 * moved:.1g} %", higher
    first, last = score(start).loss, score(training).loss
    yield f"on training images the loss went from {first:.3g} to {last:.3g}", lower


def usual_rates(optim: OptimConfig) -> tuple[float, float]:
    """A lower learning rate and a higher one: what is usual, or a tenth, or ten times.

    >>> usual_rates(OptimConfig(name="sgd", lr=1e4, momentum=0.9))
    (0.05, 100000.0)
    """
    usual = round(USUAL_LR[optim.name] * (1 - optim.momentum), 6)
    lower = usual if usual < optim.lr else optim.lr / 10
    return lower, usual if usual > optim.lr else 10 * optim.lr


def lost_signals(start: Probes) -> Iterator[str]:
    """What dies in the untrained network already: the gradient, or the signal."""
    hidden = [*start.layers][:-1]
    if not hidden:
        return
    first, last = hidden[0], hidden[-1]
    norms = start.statistics()["gradient_norm"]
    left = norms[first] / max(norms[last], 1e-30)
    if left < 1e-3:
        text = f"the gradient vanishes: at the start {first} gets {left:.0e} of what "
        yield f"{text}{last} gets"
    differ = float(start.activations[last].std(0).mean())
    if differ < 1e-3:
        text = f"the signal dies out: at the start the activations of {last} differ by "
        yield f"{text}only {differ:.0e} from image to image"


def stuck_units(start: Probes, now: Probes) -> Iterator[tuple[str, bool]]:
    """The layer whose units let no gradient through, and whether it began so."""
    before, after = start.statistics(), now.statistics()
    for kind, most, what, why in (
        ("dead", 0.9, "units", "dead, so get no gradient"),
        ("saturated", 0.8, "activations", "saturated, where slopes are next to 0"),
    ):
        name, share = max(after[kind].items(), key=lambda x: x[1], default=("", 0.0))
        if share >= most:
            text = f"{100 * share:.0f} % of the {what} of {name} (at the start "
            text += f"{100 * before[kind][name]:.0f} %) are {why}"
            yield text, before[kind][name] >= most


def own_settings(config: Config) -> Iterator[str]:
    """The settings that are not the defaults, as options."""
    usual = settings.flatten(fixed_settings(Config()))
    for name, value in settings.flatten(fixed_settings(config)).items():
        if value != usual[name] and name not in LENGTH:
            yield " ".join(as_options({name: value}))


def score(training: Training) -> Evaluation:
    """How the network itself, not its average, reads some of the training images."""
    images, labels = training.splits.train.subset(slice(SCORED))
    return evaluate(training.model, images, labels, training.config.data.transform)
