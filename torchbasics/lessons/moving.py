"""What the moving figures show: numbers of the library, as JSON can hold them.

Their scripts are in `pages/moving`, a file each, their words in `text/*/moving.md`.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, get_args

from torchbasics.activations import ACTIVATIONS, ActivationName
from torchbasics.data import scale_pixels
from torchbasics.initialization import InitName
from torchbasics.lessons import small_networks, textbook
from torchbasics.lessons.lab.networks import SWEPT, Variant
from torchbasics.lessons.lab.start import gradient_sizes
from torchbasics.lessons.small_networks import OPTIMIZERS, Networks
from torchbasics.lessons.textbook import TRUTH_TABLES, parameters
from torchbasics.lessons.vanishing import FEW, LABORATORY
from torchbasics.mean_field import critical_sigma_w
from torchbasics.perceptron import AND, INPUTS, NAND, OR

Json = dict[str, Any]

PAGES = Path(__file__).parent / "pages" / "moving"
INITS = tuple(name for name in get_args(InitName) if name != "auto")
ROWS: list[list[int]] = INPUTS.int().tolist()  # of every truth table
STEPS = 300  # until XOR is learned, but not so well that its loss is flat


def separating_line() -> Json:
    """Four gates, and the textbook's weights of those that one line can do.

    >>> separating_line()["gates"]["AND"]
    {'targets': [0, 0, 0, 1], 'weights': (-0.7, 0.5, 0.5)}
    """
    by_hand = {"AND": AND, "OR": OR, "NAND": NAND}
    gates = {
        name: {
            "targets": list(targets),
            "weights": parameters(by_hand[name]) if name in by_hand else None,
        }
        for name, targets in TRUTH_TABLES.items()
    }
    return {"inputs": ROWS, "gates": gates, "start": [0.4, 0.1, -0.7]}


def folding() -> Json:
    """XOR as AND of NAND and OR; where the two lines stand before they are moved."""
    return {
        "inputs": ROWS,
        "targets": list(TRUTH_TABLES["XOR"]),
        "hidden": [parameters(NAND), parameters(OR)],
        "output": parameters(AND),
        "start": [[0.55, -0.7, -0.1], [-0.4, 0.1, 0.7]],
        "sharpness": 10,
    }


def slopes() -> Json:
    """The names of the functions, the perceptron's step first."""
    return {"activations": ["step", *ACTIVATIONS]}


@cache
def depth() -> Json:
    """What the formula needs, and gradients of real networks to hold beside it."""
    lab, probed = LABORATORY.lab, textbook.load("train").subset(slice(FEW))
    known, measured = critical(), Json({name: {} for name in ACTIVATIONS})
    for activation, init in product(ACTIVATIONS, INITS):
        variant = Variant(activation, init)
        if init == "critical" and activation not in known:
            continue
        if variant in SWEPT:
            place = SWEPT.index(variant)
            lefts = [(at, some[place].left) for at, some in LABORATORY.sweep.items()]
        else:
            model = variant.build(lab.depth, lab.width, lab.seed)
            lefts = [(lab.depth, float(gradient_sizes(model, probed)[0]))]
        measured[activation][init] = lefts
    return {
        "activations": [*ACTIVATIONS],
        "inits": INITS,
        "critical": known,
        "inputs": 28 * 28,
        "square": float(scale_pixels(probed.images).double().square().mean()),
        "depths": lab.depths,
        "width": lab.width,
        "measured": measured,
    }


def critical() -> dict[ActivationName, float]:
    """The critical sigma_w of each activation that has one, as GELU has not."""
    found = {}
    for activation in ACTIVATIONS:
        with suppress(ValueError):
            found[activation] = critical_sigma_w(activation)
    return found


def layers() -> Json:
    """The 2-3-2-2 network, its weights as the book writes them, (in, out)."""
    linears = textbook.network().linears().values()
    return {
        "x": textbook.X[0].tolist(),
        "label": int(textbook.LABELS),
        "weights": [linear.weight.T.tolist() for linear in linears],
        "biases": [linear.bias.tolist() for linear in linears],
    }


@cache
def downhill() -> Json:
    """A network that learned XOR; two of its numbers are to be learned again."""
    networks = Networks(2, [0])
    small_networks.learn(networks, OPTIMIZERS["SGD, lr 1"], steps=STEPS)
    weight1, weight2 = networks.weight1[0], networks.weight2[0, :, 0]
    return {
        "inputs": ROWS,
        "targets": list(TRUTH_TABLES["XOR"]),
        "weight1": weight1.tolist(),
        "weight2": weight2.tolist(),
        "bias2": networks.bias2.item(),
        "ends": [[-4, 8], [-1, 11]],
        "start": [0, 2],
    }


FIGURES: dict[str, Callable[[], Json]] = {
    "separating-line": separating_line,
    "folding": folding,
    "slopes": slopes,
    "layers": layers,
    "downhill": downhill,
    "depth": depth,
}
