"""What several test files share: a small slice of the real MNIST, and one thread each.

Two processes of tests run side by side, and threads that wait for a core wait long.
"""

import os

import pytest
import torch

from torchbasics import data
from torchbasics.data import Digits
from torchbasics.mnist.state import Splits

torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes that tests start


@pytest.fixture(scope="session")
def mnist():
    """All of MNIST: the training and the test digits."""
    return data.load("train"), data.load("test")


@pytest.fixture(scope="session")
def few(mnist):
    """1,000 digits to train on, 500 to test on."""
    train, test = mnist
    return Splits(
        train=Digits(train.images[:1000], train.labels[:1000]),
        validation=None,
        test=Digits(test.images[:500], test.labels[:500]),
    )


@pytest.fixture(autouse=True)
def _same_threads_after():
    """A test that sets the number of threads does not set it for the others."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
