"""The vanishing-gradient lab: sigmoid against ReLU, predicted and measured.

Deep networks on real digits. At the start: how much each layer shrinks the gradient,
beside what theory predicts. Then the same networks in training: who learns, who does
not, what mends it, and what only hides it. Leaves a figure, tables as CSV, and a run
for TensorBoard of each network.
"""

import math
import shlex
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from torch import Tensor
from torch.nn.functional import cross_entropy

from torchbasics.activations import DERIVATIVES, ActivationName
from torchbasics.command import cli, runs, settings
from torchbasics.command.errors import command
from torchbasics.command.events import Events
from torchbasics.command.terminal import make_console, tracked
from torchbasics.data import scale_pixels
from torchbasics.device import cpu_threads
from torchbasics.evaluation import evaluate
from torchbasics.lessons import prose
from torchbasics.lessons.activations import FUNCTIONS, chain
from torchbasics.lessons.checks import Check, Item, Paragraph, Part, Table, Words
from torchbasics.lessons.exercises import check  # noqa: F401 - for its readers
from torchbasics.lessons.lab import networks, output
from torchbasics.lessons.lab.networks import SWEPT, VARIANTS, LabConfig, Variant
from torchbasics.lessons.lab.training import EARLY, Snapshot, train_variant
from torchbasics.lessons.render import terminal
from torchbasics.lessons.textbook import CHAIN, float64, load
from torchbasics.mlp import MLP
from torchbasics.probes import probe_copy
from torchbasics.trace import derivative

PROGRAM = "python -m torchbasics vanishing"
PAIR = ("sigmoid", "relu")
PROBED = 256  # training images on which gradients are measured
FEW = 64  # of them where many networks are measured
LAYOUT = {
    "all networks in one chart": {
        "gradient norm, first layer": ["Multiline", ["gradient_norm/hidden1$"]],
        "update : weight, first layer": ["Multiline", ["update_ratio/hidden1$"]],
        "test accuracy": ["Multiline", ["accuracy/test"]],
    }
}


class Laboratory:
    """The lesson's parts for one experiment. It trains only if it has a folder."""

    def __init__(self, lab: LabConfig, folder: Path | None = None) -> None:
        self.lab, self.folder = lab, folder
        self.starts: dict[str, networks.Start] = {}
        self.sweep: list[networks.Swept] = []
        self.histories: dict[str, list[Snapshot]] = {}

    def parts(self) -> tuple[Part, ...]:
        """What the lesson's text has places for, in order."""
        return (self.chain, self.pair, self.inits, self.depth, self.trained)

    def chain(self, words: Words) -> Iterable[Item]:
        """One unit a layer, weight 1: the gradient as a product of slopes, exactly."""
        for name, row in CHAIN.items():
            for depth, value in row.items():
                product = product_of_derivatives(name, depth)
                label = f"{name}, {depth} {words['layers']}"
                yield Check(label, [value], [product], "numbers", 5e-7 * value)
        for name, row in CHAIN.items():
            through = (partial(chain, FUNCTIONS[name], depth=n) for n in row)
            slopes = (derivative(layers, float64(1))[0] for layers in through)
            products = (product_of_derivatives(name, depth) for depth in row)
            gaps = [p / s - 1 for p, s in zip(products, slopes, strict=True)]
            label = f"{name}: {words['to autograd']}"
            yield Check(label, [0] * len(gaps), gaps, "chain rule", 1e-14)

    def pair(self, words: Words) -> Iterable[Item]:
        """Sigmoid with Xavier beside ReLU with He, layer by layer, before training."""
        starts = {name: self.start(VARIANTS[name], self.lab.depth) for name in PAIR}
        rows = []
        for layer in reversed(range(self.lab.depth)):
            sizes = [float(s[layer]) for name in PAIR for s in starts[name]]
            sizes.insert(2, 0.25 ** (self.lab.depth - 1 - layer))
            rows.append((f"hidden{layer + 1}", *(f"{size:.1e}" for size in sizes)))
        predicted = words["predicted"]
        heads = (words["layer"], "sigmoid", predicted, words["bound"])
        yield Table((*heads, "ReLU", predicted), rows)
        self.starts |= starts

    def inits(self, words: Words) -> Iterable[Item]:
        """Each activation from each initialisation: the factor per layer."""
        heads = ("activation", "init", "measured", "predicted", "off", "left")
        rows, checks = [], []
        for activation in self.lab.activations:
            for init in self.lab.inits:
                at = self.start(Variant(activation, init), self.lab.depth)
                off = f"{100 * (at.factor / at.theory - 1):+.1f} %"
                factors = (f"{at.factor:.3f}", f"{at.theory:.3f}")
                rows.append((activation, init, *factors, off, f"{at.left:.1e}"))
                name, size = f"{words['factor']} {activation}, {init}", 0.05 * at.theory
                factor, theory = [at.factor], [at.theory]
                checks.append(Check(name, theory, factor, words["theory"], size))
        yield Table([words[head] for head in heads], rows)
        if self.folder is None:  # of other widths and seeds nothing is promised
            yield from checks

    def depth(self, words: Words) -> Iterable[Item]:
        """The same for networks of other depths: what is left at the first layer."""
        rows = []
        for depth in self.lab.depths:
            starts = [self.start(variant, depth, FEW) for variant in SWEPT]
            self.sweep.append(networks.Swept(depth, starts))
            rows.append((str(depth), *(f"{start.left:.1e}" for start in starts)))
        heads = (f"{variant.activation} {variant.init}" for variant in SWEPT)
        yield Table((words["depth"], *heads), rows)

    def trained(self, words: Words) -> Iterable[Item]:
        """Who learns, and what a look inside says; then what it comes to."""
        if self.folder is None:
            yield Paragraph(words["only in the lab"])
            return
        heads = ("network", "steps", "left", "update", "loss", "accuracy")
        for key in tracked(VARIANTS, words["training"]):
            self.histories[key] = self.train(key)
        rows = []
        for key, history in self.histories.items():
            early = min(history, key=lambda snapshot: abs(snapshot.step - EARLY))
            ends = [early, history[-1]] if key == "adam" else history[-1:]
            name = str(VARIANTS[key])
            rows += [(name, *snapshot.cells(history[0])) for snapshot in ends]
        yield Table([words[head] for head in heads], rows)
        yield Paragraph(self.verdict(words))

    def start(
        self, variant: Variant, depth: int, count: int = PROBED
    ) -> networks.Start:
        """A network's gradients before training, on the first training digits."""
        lab = self.lab
        probed = load("train", lab.data_dir).subset(slice(count))
        return networks.start(variant, depth, lab.width, lab.seed, probed)

    def train(self, key: str) -> list[Snapshot]:
        """Train one network, and keep what was seen, in memory and for TensorBoard."""
        assert self.folder is not None
        train, test = load("train", self.lab.data_dir), load("test", self.lab.data_dir)
        probed = train.subset(slice(PROBED))
        events = Events(self.folder / key, LAYOUT, purge_step=0)
        inputs, history = scale_pixels(probed.images), []

        def take(model: MLP, step: int, loss: float, ratio: float) -> None:
            probes = probe_copy(model, cross_entropy, inputs, probed.labels)
            norms = probes.statistics()["gradient_norm"]
            last = norms[f"hidden{self.lab.depth}"]
            left = norms["hidden1"] / last if last else math.nan
            accuracy = evaluate(model, *test, scale_pixels).accuracy
            history.append(Snapshot(step, loss, accuracy, left, ratio))
            if self.lab.tensorboard:
                output.write(events, history[-1], norms, probes)

        train_variant(VARIANTS[key], self.lab, train, take)
        events.close()
        return history

    def verdict(self, words: Words) -> str:
        """One sentence with the numbers that were measured."""
        percent = {
            key.replace("-", "_"): f"{100 * history[-1].accuracy:.0f}"
            for key, history in self.histories.items()
        }
        sigmoid, relu = (self.starts[name] for name in PAIR)
        return words["verdict"].format(
            **percent,
            depth=self.lab.depth,
            steps=self.lab.steps,
            adam_steps=f"{self.lab.adam_steps:,}",
            factor=f"{sigmoid.factor:.2f}",
            theory=f"{sigmoid.theory:.2f}",
            left=f"{sigmoid.left:.0e}",
            relu_factor=f"{relu.factor:.2f}",
            adam_left=f"{self.histories['adam'][0].left:.0e}",
        )


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the lab: tell the lesson, train, and leave figure, tables and curves."""
    parsed = cli.parse(
        LabConfig(), cli.CliOptions(), argv, name="vanishing",
        prog=PROGRAM, about=__doc__,
    )  # fmt: skip
    lab = parsed.config
    with cpu_threads(lab.threads, flush_denormal=True):  # vanished gradients are slow
        return run_lab(lab, parsed.name)


def run_lab(lab: LabConfig, name: str) -> int:
    """One experiment in a folder of its own; the command's exit status."""
    lang = prose.language(lab.lang)
    console, words = make_console(), prose.read("vanishing", lang).words
    manifest = runs.new_manifest("vanishing", name, lab.seed)
    described = settings.to_toml(lab, PROGRAM), manifest
    folder = runs.create(lab.runs_dir, "vanishing", f"{name}-s{lab.seed}", *described)
    with runs.locked(folder):
        laboratory = Laboratory(lab, folder)
        if lab.experiment() != LabConfig().experiment():
            console.print(words["other settings"])
        checks = terminal.print_lesson(console, "vanishing", lang, laboratory.parts())
        measured = laboratory.starts, laboratory.sweep, laboratory.histories
        output.write_tables(folder, *measured)
        output.draw(folder / "vanishing.png", lang, *measured)
        console.print(words["left behind"])
        for line in (str(folder), f"tensorboard --logdir {shlex.quote(str(folder))}"):
            console.print(f"  {line}", soft_wrap=True)
    return terminal.print_summary(console, checks, lang)


def product_of_derivatives(name: ActivationName, depth: int) -> Tensor:
    """`d out / d in` of layers of one unit in a row, from x = 1, by the chain rule.

    Shape: ().
    """
    x, product = float64(1), float64(1)
    for _ in range(depth):
        product = product * DERIVATIVES[name](x)
        x = FUNCTIONS[name](x)
    return product[0]


PARTS = Laboratory(LabConfig()).parts()
