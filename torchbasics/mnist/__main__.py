"""Train a network on MNIST, score it on the test set, and watch it read one digit."""

import math
import shlex
import signal
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import torch
from rich.console import Console

from torchbasics import device, rng
from torchbasics.command import cli, runs, settings
from torchbasics.command.errors import (
    TrainingError,
    UserError,
    as_user_error,
    command,
    run,
    warn,
)
from torchbasics.command.output import visible
from torchbasics.command.signals import StopRequest
from torchbasics.command.terminal import Answer, SafeConsole, plural
from torchbasics.data.mnist import SHA256
from torchbasics.evaluation import Evaluation, evaluate, predict_probs
from torchbasics.mnist import network
from torchbasics.mnist.config import Config
from torchbasics.mnist.training.checkpoint import CheckpointManager
from torchbasics.mnist.training.diagnosis import diagnose
from torchbasics.mnist.training.loop import train
from torchbasics.mnist.training.monitor import Monitor
from torchbasics.mnist.training.resume import check_resume_config, resume
from torchbasics.mnist.training.setup import Training, bf16_hint, load_splits, setup

PROGRAM = "python -m torchbasics.mnist"


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Train as the command line asks."""
    parsed = cli.parse(
        Config(), cli.ResumeOptions(), argv, name="lesson", kind="mnist",
        prog=PROGRAM, about=__doc__,
    )  # fmt: skip
    config, name = parsed.config, parsed.name
    if parsed.resume:
        check_resume_config(config, parsed.resume)
    with as_user_error(ValueError):
        where, reason = device.choose(config.device)
    with device.cpu_threads(config.threads):
        training = setup(config, load_splits(config, where))
        folder = parsed.resume or create_run(training, name)
        with runs.locked(folder):
            return run_training(training, folder, name, reason, bool(parsed.resume))


def run_training(
    training: Training, folder: Path, name: str, reason: str, resumed: bool
) -> int:
    """Start or go on with the run of this folder; the command's exit status."""
    config = training.config
    console = SafeConsole(quiet=config.quiet)
    if resumed:
        resume(training, folder)
        console.print(f"going on after step {training.progress.step}")
    console.print(heading(config, name, reason), soft_wrap=True)
    if not resumed:
        hint = bf16_hint(config, training.device)
        console.print(hint, soft_wrap=True, end="")
    return train_and_evaluate(training, folder, console)


def create_run(training: Training, name: str) -> Path:
    """A folder in which stands what runs here."""
    config = training.config
    manifest = runs.new_manifest("mnist", name, config.seed)
    manifest["device"] = str(training.device)
    manifest["threads"] = torch.get_num_threads()
    manifest["data"] = SHA256
    described = settings.to_toml(config, PROGRAM), manifest
    return runs.create(config.runs_dir, "mnist", f"{name}-s{config.seed}", *described)


def train_and_evaluate(training: Training, folder: Path, console: Console) -> int:
    """Train to the end, score and show; or stop when asked, and say how to go on.

    What is lost on the way, such as the folder, is told after the result.
    """
    checkpoints, lost = CheckpointManager(folder), ""
    complete = training.progress.is_finished() and "figures" in runs.read_manifest(
        folder
    )
    monitor = Monitor(console, folder, training, complete)
    with StopRequest() as stop, monitor:
        train(training, monitor, checkpoints, stop)
        evaluation = stop.unless_asked(score, training)
        if evaluation is not None and not complete:
            monitor.after_training(evaluation)
            lost = write_final_metrics(folder, evaluation)
        problem = evaluation and stop.unless_asked(diagnose, training, evaluation)
    if evaluation is None:
        hint = resume_hint(training, checkpoints, stop.signal)
        console.print(hint, soft_wrap=True)
        return 128 + stop.signal
    show_one_digit(training, console)
    console.print(run_hint(folder), soft_wrap=True)
    if problem:
        warn(problem)
    print(evaluation.summary("test"))
    if checkpoints.failure or lost:
        raise TrainingError(checkpoints.failure or lost)
    return 0


def score(training: Training) -> Evaluation:
    """What the network makes of the test set."""
    test, transform = training.splits.test, training.config.data.transform
    return evaluate(training.eval_model, test.images, test.labels, transform)


def write_final_metrics(folder: Path, evaluation: Evaluation) -> str:
    """Complete the manifest of a run that has ended; say why where that cannot be."""
    try:
        manifest = runs.read_manifest(folder)
        manifest["finished"] = datetime.now(timezone.utc).isoformat()
        manifest["figures"] = {
            "accuracy/test": evaluation.accuracy,
            "loss/test": evaluation.loss if math.isfinite(evaluation.loss) else None,
        }
        runs.write_manifest(folder, manifest)
    except (UserError, OSError) as error:
        return f"no final figures in {folder / 'manifest.json'}: {error}"
    return ""


def heading(config: Config, name: str, reason: str) -> str:
    """What is about to be trained, on what."""
    optim, schedule = config.optim, config.schedule
    return (
        f"{name}: {network.architecture(config)}, seed {config.seed}\n"
        f"{optim.name} {optim.lr:g} {schedule.name}, batch {config.batch_size}, "
        f"{config.precision}\n"
        f"device {reason}; {plural(torch.get_num_threads(), 'thread')}; "
        f"torch {torch.__version__}\n"
    )


def resume_hint(training: Training, checkpoints: CheckpointManager, number: int) -> str:
    """What to say when a training was asked to stop; how to go on, if it can."""
    progress, folder = training.progress, checkpoints.folder.parent
    said = (
        f"\nstopped by {signal.Signals(number).name} after step {progress.step} of "
        f"{progress.plan.total_steps}"
    )
    if not checkpoints.paths():
        return said
    resume = f"{PROGRAM} --resume {shlex.quote(str(folder))}"
    return f"{said}; to go on:\n  {visible(resume)}"


def run_hint(folder: Path) -> str:
    """The run's folder, how to make its pages, and how to open its curves."""
    return (
        f"\nthe run is in {visible(folder)}; to look inside:\n"
        f"  {PROGRAM}.report {visible(shlex.quote(str(folder)))}\n"
        f"  {PROGRAM}.playground {visible(shlex.quote(str(folder)))}\n"
        f"  tensorboard --logdir {visible(shlex.quote(str(folder.parent.parent)))}\n"
        f"then open {runs.tensorboard_address()}\n"
    )


def show_one_digit(training: Training, console: Console) -> None:
    """The lesson's end: a picture of numbers goes in, the likeliest digit comes out."""
    config, (images, labels) = training.config, training.splits.test
    pick = rng.generator(config.seed, "example")
    index = int(torch.randint(len(labels), (1,), generator=pick))
    some = images[index : index + 1]
    probs = predict_probs(training.eval_model, some, config.data.transform)[0]
    console.print(f"\ntest image {index}, and what the network takes it for\n")
    answer = Answer(some[0].cpu(), probs.cpu(), int(labels[index]))
    console.print(answer, soft_wrap=True)


if __name__ == "__main__":
    run(main)
