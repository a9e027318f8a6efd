"""Train a network on MNIST, score it on the test set, and watch it read one digit."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from rich.console import Console

from torchbasics import device, rng, runs, settings
from torchbasics.activations import softmax
from torchbasics.data import Digits, scale_pixels
from torchbasics.errors import command
from torchbasics.mlp import MLP
from torchbasics.mnist import network
from torchbasics.mnist.config import DEFAULTS, Config
from torchbasics.mnist.evaluate import evaluate
from torchbasics.mnist.monitor import Monitor
from torchbasics.mnist.terminal import show_answer
from torchbasics.mnist.train import load_splits, plan_steps, train


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Train as the command line asks."""
    config, name = settings.parse(
        DEFAULTS, argv, prog="python -m torchbasics.mnist", about=__doc__
    )
    where, reason = device.choose(config.device)
    if config.threads:
        torch.set_num_threads(config.threads)
    splits = load_splits(config, where)
    model = network.build(config).to(where)
    folder = runs.create(config.runs_dir, "mnist", name, config.seed)
    (folder / "config.toml").write_text(settings.to_toml(config), encoding="utf-8")

    console = Console(quiet=config.quiet, highlight=False)
    console.print(heading(config, name, reason), soft_wrap=True)
    plan = plan_steps(config, len(splits.train.labels))
    with Monitor(console, plan.total_steps, config.batch_size) as monitor:
        train(config, model, splits, monitor)
    network.save(network.checkpoint_path(folder, plan.total_steps), model, config)

    result = evaluate(model, splits.test, config.data.scale)
    show_one_digit(console, model, splits.test, config)
    console.print(f"\nthe run is in {folder}", soft_wrap=True)
    print(result.summary("test"))
    return 0


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


@torch.no_grad()
def show_one_digit(console: Console, model: MLP, test: Digits, config: Config) -> None:
    """The lesson's end: a picture of numbers goes in, the likeliest digit comes out."""
    pick = rng.generator(config.seed, "example")
    index = int(torch.randint(len(test.labels), (1,), generator=pick))
    image, label = test.images[index], int(test.labels[index])
    model.eval()
    probs = softmax(model(scale_pixels(image[None], config.data.scale)))[0]
    console.print(f"\ntest image {index}, and what the network takes it for\n")
    show_answer(console, image.cpu(), probs.cpu(), label)


if __name__ == "__main__":
    raise SystemExit(main())
