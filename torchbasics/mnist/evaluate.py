"""Score a network on all the digits, exactly.

Losses and right answers are summed over all images and divided by their count. No
image is dropped, repeated or shuffled.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import model_validator
from tyro.conf import FlagCreatePairsOff, Positional

from torchbasics import data, device
from torchbasics.command import cli, settings
from torchbasics.command.errors import as_user_error, command, run
from torchbasics.command.output import visible
from torchbasics.data import ImageDataset
from torchbasics.evaluation import Evaluation, evaluate
from torchbasics.mnist import PROGRAM, doctor, export, network
from torchbasics.mnist.textbook_weights import SHA256, read_pickle

PRETRAINED = "pretrained"


class Options(settings.Settings):
    """Which network reads which digits."""

    run: Positional[network.RunName] = PRETRAINED
    textbook: str = ""
    """the book's sample_weight.pkl, to read in the place of a run"""
    save: FlagCreatePairsOff[bool] = False
    """make a run of --textbook's network"""
    doctor: FlagCreatePairsOff[bool] = False
    """show what the usual mistakes do to accuracy and loss"""
    export: str = ""
    """write the network to FILE.onnx or FILE.npz"""
    runs_dir: str = "runs"
    """folder of runs, for latest and --save"""
    split: Literal["test", "train"] = "test"
    """which digits"""
    device: str = "auto"
    """auto, or a device's name in PyTorch"""
    data_dir: network.DataDir = "auto"

    @model_validator(mode="after")
    def _one_network(self) -> "Options":
        if self.textbook and self.run != PRETRAINED:
            raise ValueError("--textbook stands in the place of a run: give one")
        if self.save and not (self.textbook and self.split == "test"):
            raise ValueError(
                "--save makes a run of --textbook FILE, scored on --split test"
            )
        return self


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Print how often each digit was read as which, then loss and accuracy."""
    options = cli.parse_options(Options(), argv, f"{PROGRAM}.evaluate", __doc__)
    with as_user_error(ValueError):
        where, _ = device.choose(options.device)
    if options.export:
        export.require_format(options.export)
    found, sha256 = find(options)
    model, config = found
    digits = data.load(options.split, options.data_dir)
    digits = ImageDataset(digits.images.to(where), digits.labels.to(where))
    evaluation = evaluate(model.to(where), *digits, config.data.transform)
    table = (
        doctor.table(found, digits) if options.doctor else confusion_table(evaluation)
    )
    lines = leave(options, found, evaluation, sha256)
    name = visible(options.textbook or options.run)
    own = " (the textbook's own)" if sha256 == SHA256 else ""
    print(f"{name}{own}: {network.architecture(config)}, {options.split} set\n")
    print(f"{table}\n", *lines, sep="\n")
    print(f"loss {evaluation.loss:.4f} (mean cross-entropy)")
    print(evaluation.summary(options.split))
    return 0


def find(options: Options) -> tuple[network.Network, str]:
    """The network that is asked for; of a textbook's file the SHA-256 too."""
    if not options.textbook:
        return network.load(options.run, options.runs_dir), ""
    weights = read_pickle(Path(options.textbook))
    return network.from_textbook(weights), weights.sha256


def leave(
    options: Options, found: network.Network, evaluation: Evaluation, sha256: str
) -> list[str]:
    """Write what was asked for; lines that say where it is."""
    lines = []
    found.model.cpu()
    if options.save:
        folder = export.save_run(found, evaluation, sha256, options.runs_dir)
        lines.append(f"a run of it is in {visible(folder)}")
    if options.export:
        export.write(found, options.export)
        lines.append(f"exported to {visible(options.export)}")
    return lines


def confusion_table(evaluation: Evaluation) -> str:
    """The confusion matrix as text, with each digit's accuracy."""
    head = "".join(f"{digit:6d}" for digit in range(10))
    lines = [f"digit read as{head}  right"]
    for digit, row in enumerate(evaluation.confusion.tolist()):
        counts = "".join(f"{count:6d}" if count else "     ." for count in row)
        lines.append(f"{digit:13d}{counts} {100 * row[digit] / sum(row):5.1f}%")
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
