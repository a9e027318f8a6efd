"""Why a training learned nothing, in one sentence, and what to try.

It looks at what can be measured at the end: the loss, how far the weights came from
where they began, and what a step on the first training images sees in each layer.
"""

import math
from collections.abc import Iterator

import torch

from torchbasics.evaluation import Evaluation
from torchbasics.mnist import network
from torchbasics.mnist.config import Config
from torchbasics.mnist.training.setup import Training
from torchbasics.probes import Statistics, update_ratio

CHANCE = 0.2  # accuracy up to which next to nothing was learned; guessing has 0.1
FEW_STEPS = 100  # too few to say
GUESS = math.log(10)  # the loss of one who guesses


def diagnose(training: Training, evaluation: Evaluation) -> str:
    """What is wrong with a training that ended near chance; nothing if it did not."""
    if evaluation.accuracy > CHANCE or training.progress.step < FEW_STEPS:
        return ""
    cause = next(causes(training, evaluation.loss))
    return (
        f"it learned next to nothing: {100 * evaluation.accuracy:.1f} % right, loss "
        f"{evaluation.loss:.2g}, where guessing gets 10 % and {GUESS:.1f}; {cause}"
    )


def causes(training: Training, loss: float) -> Iterator[str]:
    """What explains it, the most certain first; at least one."""
    optim, statistics = training.config.optim, training.probe().statistics()
    if optim.ema and training.progress.step < 1 / (1 - optim.ema):
        yield (
            f"--optim.ema {optim.ema:g} averages over more steps than the "
            f"{training.progress.step:,} there were. Try a smaller one, or 0"
        )
    yield from noisy_settings(training.config)
    if optim.weight_decay and (left := shrinkage(training)) < 0.1:
        yield (
            f"--optim.weight-decay {optim.weight_decay:g} left the weights "
            f"{100 * left:.1g} % of their length. Try a smaller one, or 0"
        )
    yield from stuck_units(statistics, optim.lr)
    if loss > 2.5 * GUESS:
        yield f"the loss blew up. Try an --optim.lr far below {optim.lr:g}"
    yield from lost_signals(statistics, list(training.model.linears()))
    if (moved := movement(training)) < 0.01:
        yield (
            f"the weights moved by {100 * moved:.1g} % in {training.progress.step:,} "
            f"steps. Try an --optim.lr far above {optim.lr:g}"
        )
    yield (
        "the loss did not move. Try an --optim.lr ten times smaller or larger than "
        f"{optim.lr:g}, or --model.batch-norm"
    )


def noisy_settings(config: Config) -> Iterator[str]:
    """Settings that leave a network too little to learn from."""
    model, optim, distort = config.model, config.optim, config.distort
    for option, value, most in (
        ("model.dropout", model.dropout, 0.9),
        ("model.input-dropout", model.input_dropout, 0.9),
        ("model.input-noise", model.input_noise, 3.0),
        ("optim.label-smoothing", optim.label_smoothing, 0.9),
        ("distort.shift", distort.shift, 10.0),
        ("distort.elastic", distort.elastic, 5.0),
    ):
        if value >= most:
            yield (
                f"with --{option} {value:g} hardly anything is left to learn from. Try "
                "a smaller one"
            )
    if 0 < optim.max_norm < 0.1:
        yield (
            f"--optim.max-norm {optim.max_norm:g} leaves the weights too short to "
            "tell digits apart. Try 1 or more, or 0 for no limit"
        )


def stuck_units(statistics: Statistics, lr: float) -> Iterator[str]:
    """Layers in which hardly any unit lets a gradient through."""
    for name, share in statistics["dead"].items():
        if share >= 0.9:
            yield (
                f"{100 * share:.0f} % of the units of {name} are dead: they answer 0 "
                f"to all digits, and get no gradient. Try an --optim.lr below {lr:g}, "
                "--model.batch-norm, or --model.activation leaky_relu"
            )
    for name, share in statistics["saturated"].items():
        if share >= 0.8:
            yield (
                f"{100 * share:.0f} % of the activations of {name} are saturated, "
                f"where slopes are next to 0. Try an --optim.lr below {lr:g}, or "
                "--model.batch-norm"
            )


def lost_signals(statistics: Statistics, layers: list[str]) -> Iterator[str]:
    """What dies on its way through the layers: the gradient back, or the signal on."""
    if len(layers) < 2:
        return
    first, last = layers[0], layers[-2]
    norms = statistics["gradient_norm"]
    left = norms[first] / max(norms[last], 1e-30)
    if left < 1e-3:
        yield (
            f"the gradient vanishes: {first} gets {left:.0e} of what {last} gets. Try "
            "--model.batch-norm, fewer layers, or --model.activation relu with "
            "--model.init auto"
        )
    if (spread := statistics["activation_std"][last]) < 1e-3:
        yield (
            f"the signal dies out: the activations of {last} are spread by only "
            f"{spread:.0e}. Try --model.init auto"
        )


@torch.no_grad()
def movement(training: Training) -> float:
    """How far the weights came from their start, as a share; of the swiftest layer."""
    start = network.build(training.config).linears()
    return max(
        update_ratio(start[name].weight, linear.weight.cpu())
        for name, linear in training.model.linears().items()
    )


@torch.no_grad()
def shrinkage(training: Training) -> float:
    """What share of their length the weights still have; of the longest layer."""
    start = network.build(training.config).linears()
    return max(
        float(linear.weight.norm()) / float(start[name].weight.norm())
        for name, linear in training.model.linears().items()
    )
