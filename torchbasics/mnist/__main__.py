"""Train a network on MNIST, score it on the test set, and watch it read one digit."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import torch
from rich.console import Console
from torch import nn

from torchbasics import device, rng, runs, settings
from torchbasics.data import Digits
from torchbasics.data.mnist import SHA256
from torchbasics.errors import TrainingError, command, run, warn
from torchbasics.mnist import network
from torchbasics.mnist.checkpoint import Keeper
from torchbasics.mnist.config import DEFAULTS, Config
from torchbasics.mnist.evaluate import Evaluation, evaluate, read_digits
from torchbasics.mnist.monitor import Monitor
from torchbasics.mnist.state import (
    Training,
    load_splits,
    prepare,
    refuse_changes,
    restore,
)
from torchbasics.mnist.train import train
from torchbasics.signals import StopRequest
from torchbasics.terminal import Answer, LastingConsole

PROGRAM = "python -m torchbasics.mnist"


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Train as the command line asks."""
    config, name, resumed, _ = settings.parse(
        DEFAULTS, argv, prog=PROGRAM, about=__doc__, words=settings.ResumeWords
    )
    if resumed:
        refuse_changes(config, resumed)
    where, reason = device.choose(config.device)
    if config.threads:
        torch.set_num_threads(config.threads)
    training = prepare(config, load_splits(config, where))
    console = LastingConsole(quiet=config.quiet, highlight=False)
    folder = resumed or runs.create(config.runs_dir, "mnist", f"{name}-s{config.seed}")
    with runs.locked(folder):
        if resumed:
            take_up(training, folder, console)
        else:
            describe(training, folder, name)
        console.print(heading(config, name, reason), soft_wrap=True)
        if config.precision == "bf16" and not resumed:
            console.print(device.bf16_advice(where), soft_wrap=True, end="")
        return carry_out(training, folder, console)


def carry_out(training: Training, folder: Path, console: Console) -> int:
    """Train to the end, score and show; or stop when asked, and say how to go on."""
    keeper = Keeper(folder)
    with StopRequest() as stop, Monitor(console, folder, training) as monitor:
        train(training, monitor, keeper, stop)
        if stop.signal and not training.progress.is_finished():
            console.print(how_to_go_on(training, folder, stop.signal), soft_wrap=True)
            return 128 + stop.signal
        test, scale = training.splits.test, training.config.data.scale
        result = evaluate(training.result, test, scale)
        if "figures" not in runs.read_manifest(folder):
            monitor.finish(result)
            monitor.attempt("manifest.json", add_figures, folder, result)
    show_one_digit(console, training.result, test, training.config)
    console.print(where_to_look(folder), soft_wrap=True)
    print(result.summary("test"))
    if keeper.failure:
        raise TrainingError(keeper.failure)
    return 0


def take_up(training: Training, folder: Path, console: Console) -> None:
    """Put the training where its run's newest good checkpoint was taken."""
    if state := Keeper(folder).newest():
        restore(training, state)
        here = {"threads": torch.get_num_threads(), "torch": str(torch.__version__)}
        for what, value in here.items():
            if state.facts.get(what) != value:
                warn(
                    f"{what} was {state.facts.get(what)} and is {value} now: "
                    "the run will not end bit-equal to an unbroken one"
                )
    console.print(f"going on after step {training.progress.step}")


def describe(training: Training, folder: Path, name: str) -> None:
    """Write down what runs here: the config, which runs it again, and the manifest."""
    config = training.config
    manifest = runs.new_manifest("mnist", name, config.seed)
    manifest["device"] = str(training.device)
    manifest["threads"] = torch.get_num_threads()
    manifest["data"] = SHA256
    runs.describe(folder, settings.to_toml(config), manifest)


def add_figures(folder: Path, result: Evaluation) -> None:
    """Complete the manifest of a run that has ended."""
    manifest = runs.read_manifest(folder)
    manifest["finished"] = datetime.now(timezone.utc).isoformat()
    manifest["figures"] = {"accuracy/test": result.accuracy, "loss/test": result.loss}
    runs.write_manifest(folder, manifest)


def heading(config: Config, name: str, reason: str) -> str:
    """What is about to be trained, on what."""
    optim, schedule = config.optim, config.schedule
    return (
        f"{name}: {network.describe(config)}, seed {config.seed}\n"
        f"{optim.name} {optim.lr:g} {schedule.name}, batch {config.batch_size}, "
        f"{config.precision}\n"
        f"device {reason}; {torch.get_num_threads()} threads; "
        f"torch {torch.__version__}\n"
    )


def how_to_go_on(training: Training, folder: Path, number: int) -> str:
    """What to say when a training was asked to stop."""
    progress = training.progress
    return (
        f"\nstopped by {signal.Signals(number).name} after step {progress.step} of "
        f"{progress.plan.total_steps}; to go on:\n"
        f"  {PROGRAM} --resume {shlex.quote(str(folder))}"
    )


def where_to_look(folder: Path) -> str:
    """The run's folder, and how to open its curves, on a cloud instance too."""
    return (
        f"\nthe run is in {folder}; to look inside:\n"
        f"  tensorboard --logdir {shlex.quote(str(folder.parent.parent))}\n"
        f"then open {runs.tensorboard_address()}\n"
    )


def show_one_digit(
    console: Console, model: nn.Module, test: Digits, config: Config
) -> None:
    """The lesson's end: a picture of numbers goes in, the likeliest digit comes out."""
    pick = rng.generator(config.seed, "example")
    index = int(torch.randint(len(test.labels), (1,), generator=pick))
    image, label = test.images[index], int(test.labels[index])
    probs = read_digits(model, image[None], config.data.scale)[0]
    console.print(f"\ntest image {index}, and what the network takes it for\n")
    console.print(Answer(image.cpu(), probs.cpu(), label), soft_wrap=True)


if __name__ == "__main__":
    run(main)
