"""Score a network on all the digits, exactly.

Losses and right answers are summed over all images and divided by their count. No
image is dropped, repeated or shuffled.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field
from tyro.conf import Positional

from torchbasics import data, device
from torchbasics.command import cli, settings
from torchbasics.command.errors import as_user_error, command, run
from torchbasics.command.output import visible
from torchbasics.evaluation import Evaluation, evaluate
from torchbasics.mnist import network


class Options(settings.Settings):
    """Which network reads which digits."""

    run: Positional[str] = Field(
        "pretrained", description="a run's folder, latest, or pretrained"
    )
    runs_dir: str = Field("runs", description="folder in which to look for latest")
    split: Literal["test", "train"] = Field("test", description="which digits")
    device: str = Field("auto", description="auto, or a device's name in PyTorch")
    data_dir: str = Field("auto", description="folder of MNIST, auto: user's cache")


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Print how often each digit was read as which, then loss and accuracy."""
    options = cli.parse_options(
        Options(), argv, prog="python -m torchbasics.mnist.evaluate", about=__doc__
    )
    with as_user_error(ValueError):
        where, _ = device.choose(options.device)
    model, config = network.load(options.run, options.runs_dir)
    images, labels = data.load(options.split, options.data_dir)
    evaluation = evaluate(
        model.to(where), images.to(where), labels.to(where), config.data.transform
    )
    name = visible(options.run)
    print(f"{name}: {network.architecture(config)}, {options.split} set\n")
    print(f"{confusion_table(evaluation)}\n")
    print(f"loss {evaluation.loss:.4f} (mean cross-entropy)")
    print(evaluation.summary(options.split))
    return 0


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
