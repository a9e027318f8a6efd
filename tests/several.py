"""What `test_processes.py` starts in each process: a training, each step of it told.

`several.py OUT DTYPE [--option ...]` trains as the options say, with numbers of that
type. Each process writes the digest of its weights, rank 0 the losses of all steps.
"""

import hashlib
import json
import sys
from pathlib import Path

import torch

from torchbasics.command import cli
from torchbasics.mnist.config import Config
from torchbasics.mnist.training import loop
from torchbasics.mnist.training.processes import joined
from torchbasics.mnist.training.setup import load_splits, setup


def train(config, dtype, processes):
    """The training at its end, and each step's loss: all processes' mean."""
    cpu = torch.device("cpu")
    training = setup(config, load_splits(config, cpu), processes)
    training.model.to(dtype)
    plain = loop.batches
    loop.batches = lambda *what: ((x.to(dtype), labels) for x, labels in plain(*what))
    losses = [steps.losses[-1].double() for steps in loop.training_steps(training)]
    return training, processes.sum(torch.stack(losses)) / processes.count


def main(out, dtype, *argv):
    """Train and write what came of it."""
    torch.set_num_threads(1)
    config = cli.parse_options(Config(), argv, prog="several.py", about="")
    with joined() as processes:
        processes.connect(torch.device("cpu"))
        training, losses = train(config, getattr(torch, dtype), processes)
        digest = hashlib.sha256()
        for weight in training.model.parameters():
            digest.update(weight.detach().numpy().tobytes())
        said = {"weights": digest.hexdigest(), "losses": losses.tolist()}
        (Path(out) / f"{processes.rank}.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
