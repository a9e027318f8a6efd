"""The vanishing-gradient lab: sigmoid against ReLU, predicted and measured.

Deep networks on real digits. At the start: how much each layer shrinks the gradient,
beside what theory predicts. Then the same networks in training: who learns, who does
not, what mends it, and what only hides it. Leaves a figure, tables as CSV, and a run
for TensorBoard of each network.
"""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from pathlib import Path

from torch import Tensor
from torch.nn.functional import cross_entropy
from tyro.conf import FlagCreatePairsOff

from torchbasics.command import cli, runs, settings
from torchbasics.command.errors import TrainingError, command
from torchbasics.command.events import Attempts, Events
from torchbasics.command.files import reason
from torchbasics.command.output import visible
from torchbasics.command.terminal import make_console, tracked
from torchbasics.data import scale_pixels
from torchbasics.device import cpu_threads
from torchbasics.evaluation import evaluate
from torchbasics.lessons import parts_of, prose
from torchbasics.lessons.activations import FUNCTIONS, chain, product_of_derivatives
from torchbasics.lessons.checks import Check, Item, Paragraph, Table, Words, short
from torchbasics.lessons.exercises import check  # noqa: F401 - for its readers
from torchbasics.lessons.lab import output
from torchbasics.lessons.lab.networks import PAIR, SWEPT, LabConfig, Variant
from torchbasics.lessons.lab.start import Start, measure_start
from torchbasics.lessons.lab.training import Snapshot, milestones, train_variant
from torchbasics.lessons.lab.verdict import verdict
from torchbasics.lessons.prose import Language
from torchbasics.lessons.render import guide, terminal
from torchbasics.lessons.textbook import CHAIN, float64, load
from torchbasics.mlp import MLP
from torchbasics.probes import probe_copy
from torchbasics.trace import derivative

PROGRAM = "python -m torchbasics vanishing"
PROBED = 256  # training images on which gradients are measured
FEW = 64  # of them where many networks are measured


@dataclass(frozen=True)
class Laboratory:
    """The lesson's parts for one experiment. It trains only if it has a folder.

    A part told again says the same; what is slow to measure is measured once.
    """

    lab: LabConfig
    folder: Path | None = None

    @cached_property
    def starts(self) -> list[Start]:
        """The gradients of the pair before training."""
        return [self.start(variant, self.lab.depth) for variant in PAIR]

    @cached_property
    def sweep(self) -> dict[int, list[Start]]:
        """By the number of hidden layers, the start of each network in SWEPT."""
        return {
            depth: [self.start(variant, depth, FEW) for variant in SWEPT]
            for depth in self.lab.depths
        }

    @cached_property
    def histories(self) -> dict[Variant, list[Snapshot]]:
        """The networks trained, and what was seen of each."""
        if self.folder is None:
            return {}
        doing = prose.read("vanishing", prose.language(self.lab.lang)).words["training"]
        variants = map(Variant.parse, tracked(self.lab.networks, doing))
        with Attempts() as attempts:
            return {v: self.train(v, self.folder / v.name, attempts) for v in variants}

    def chain(self, words: Words) -> Iterable[Item]:
        """One unit a layer, weight 1: the gradient as a product of slopes, exactly."""
        gaps = {name: list[Tensor]() for name in CHAIN}
        for name, row in CHAIN.items():
            for depth, value in row.items():
                slope = product_of_derivatives(name, depth)
                label = f"{name}, {words['depth']} {depth}"
                yield Check(label, [value], [slope], "arithmetic", 5e-7 * value)
                layers = partial(chain, FUNCTIONS[name], depth=depth)
                gaps[name].append(slope / derivative(layers, float64(1))[0] - 1)
        for name, gap in gaps.items():
            label = f"{name}: {words['to autograd']}"
            yield Check(label, [0] * len(gap), gap, "chain rule", 1e-14)

    def pair(self, words: Words) -> Iterable[Item]:
        """Sigmoid with Xavier beside ReLU with He, layer by layer, before training."""
        rows = []
        for layer in reversed(range(self.lab.depth)):
            sizes = [float(sizes[layer]) for start in self.starts for sizes in start]
            sizes.insert(2, 0.25 ** (self.lab.depth - 1 - layer))
            rows.append((f"hidden{layer + 1}", *map(short, sizes)))
        predicted = words["predicted"]
        heads = (words["layer"], "sigmoid", predicted, words["bound"])
        yield Table((*heads, "ReLU", predicted), rows)

    def inits(self, words: Words) -> Iterable[Item]:
        """Each activation from each initialisation: the factor per layer."""
        heads = ("activation", "init", "measured", "predicted", "off", "left")
        rows, checks = [], []
        for activation, init in product(self.lab.activations, self.lab.inits):
            start = self.start(Variant(activation, init), self.lab.depth)
            factor, theory = start.factor, start.theory
            off = f"{100 * (factor / theory - 1):+.1f} %"
            numbers = f"{factor:.3f}", f"{theory:.3f}", off, short(start.left)
            rows.append((activation, init, *numbers))
            name, source = f"{words['factor']} {activation}, {init}", words["theory"]
            checks.append(Check(name, [theory], [factor], source, 0.05 * theory))
        yield Table([words[head] for head in heads], rows)
        if self.folder is None:  # of other widths and seeds nothing is promised
            yield from checks

    def depth(self, words: Words) -> Iterable[Item]:
        """The same for networks of other depths: what is left at the first layer."""
        heads = (f"{variant.activation} {variant.init}" for variant in SWEPT)
        lefts = {n: [start.left for start in some] for n, some in self.sweep.items()}
        rows = [(str(depth), *map(short, left)) for depth, left in lefts.items()]
        yield Table((words["depth"], *heads), rows)

    def trained(self, words: Words) -> Iterable[Item]:
        """Who learns, and what a look inside says; then what it comes to."""
        if not self.histories:
            yield Paragraph(words["only in the lab"])
            return
        heads = ("network", "steps", "left", "gradient", "update", "loss", "accuracy")
        rows = []
        for variant, history in self.histories.items():
            for snapshot in milestones(variant, history):
                name = "" if snapshot.step else variant.name.replace("-", " ")
                rows.append((name, *snapshot.cells()))
        yield Table([words[head] for head in heads], rows)
        yield Paragraph(words["verdict"])
        came = verdict(self.histories, self.lab, words)
        yield Table((words["network"], words["what came"]), [*came.items()])

    def write(self, lang: Language) -> Language:
        """Tables and a figure into its folder; in which language, is returned."""
        from torchbasics.lessons.figures import deep, save  # noqa: PLC0415 - slow

        assert self.folder is not None
        measured = self.starts, self.sweep, self.histories
        output.write_tables(self.folder, *measured)
        drawn, path = partial(deep.vanishing, *measured), self.folder / "vanishing.png"
        return save(drawn, "vanishing", lang, path)

    def start(self, variant: Variant, depth: int, count: int = PROBED) -> Start:
        """A network's gradients before training, on the first training digits."""
        lab = self.lab
        probed = load("train", lab.data_dir).subset(slice(count))
        return measure_start(variant, depth, lab.width, lab.seed, probed)

    def train(
        self, variant: Variant, folder: Path, attempts: Attempts
    ) -> list[Snapshot]:
        """Train one network, and keep what was seen, in memory and for TensorBoard."""
        train, test = load("train", self.lab.data_dir), load("test", self.lab.data_dir)
        probed = train.subset(slice(PROBED))
        inputs, history = scale_pixels(probed.images), list[Snapshot]()
        events = Events(folder, output.LAYOUT, purge_step=0)

        def take(model: MLP, step: int, loss: float, ratio: float) -> None:
            probes = probe_copy(model, cross_entropy, inputs, probed.labels)
            accuracy = evaluate(model, *test, scale_pixels).accuracy
            history.append(Snapshot.of(probes, step, loss, accuracy, ratio))
            if self.lab.tensorboard:
                board = "TensorBoard"
                attempts.attempt(board, output.write, events, history[-1], probes)

        train_variant(variant, self.lab, train, take)
        attempts.close(events)
        return history


class LabOptions(cli.CliOptions):
    """What the lab's command line may say beside its settings."""

    figures: FlagCreatePairsOff[bool] = False
    """as in the other lessons; the lab always draws its own"""
    pager: bool = True
    """as in the other lessons; the lab prints as it goes"""


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the lab: tell the lesson, train, and leave figure, tables and curves."""
    said = LabConfig(), LabOptions(), argv
    parsed = cli.parse(*said, name="vanishing", prog=PROGRAM, about=__doc__)
    console, lang = make_console(), prose.language(parsed.config.lang)
    checks = run_lab(parsed.config, parsed.name)
    status = terminal.print_summary(console, checks, lang)
    guide.print_next(console, "vanishing", lang)
    return status


def new_laboratory(lab: LabConfig, name: str = "vanishing") -> Laboratory:
    """An experiment with a new folder of its own, so it trains. Raises UserError."""
    load("train", lab.data_dir)  # where it is wrong, no folder is left behind
    manifest = runs.new_manifest("vanishing", name, lab.seed)
    described = settings.to_toml(lab, PROGRAM), manifest
    folder = runs.create(lab.runs_dir, "vanishing", f"{name}-s{lab.seed}", *described)
    return Laboratory(lab, folder)


def run_lab(lab: LabConfig, name: str = "vanishing") -> list[Check]:
    """One experiment in a folder of its own; the numbers that it checked."""
    console, lang = make_console(), prose.language(lab.lang)
    words = prose.read("vanishing", lang).words
    laboratory = new_laboratory(lab, name)
    folder = laboratory.folder
    assert folder is not None
    # what vanishes becomes denormal, and slow
    with runs.locked(folder), cpu_threads(lab.threads, flush_denormal=True):
        if lab.experiment() != LabConfig().experiment():
            console.print(words["other settings"])
        checks = terminal.print_lesson(
            console, "vanishing", lang, parts_of("vanishing", laboratory)
        )
        try:
            drawn = laboratory.write(lang)
        except OSError as error:
            lost = f"no tables and no figure in {folder}: {reason(error)}"
            raise TrainingError(lost) from None
        if drawn != lang:
            console.print(words["no_font"])
        guide.print_exercises(console, ["vanishing"], lang)
        console.print(f"\n{words['left behind']}")
        console.print(f"  {visible(str(folder))}", soft_wrap=True)
        if lab.tensorboard:
            show = f"tensorboard --logdir {shlex.quote(str(folder))}"
            console.print(f"{words['curves']}\n  {visible(show)}", soft_wrap=True)
    return checks


LABORATORY = Laboratory(LabConfig())
