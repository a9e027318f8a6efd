"""Train MLPs on MNIST and look at the result: `python -m torchbasics.mnist`."""

PROGRAM = "python -m torchbasics.mnist"
