"""What several test files share: the real MNIST, the course, and one thread each.

Several processes of tests may run side by side, and threads that wait for a core wait
long.
"""

import os

import browser
import pytest
import torch
from helpers import Course, train_on

from torchbasics import data
from torchbasics.data import ImageDataset
from torchbasics.lessons import progress
from torchbasics.lessons.render import page, terminal
from torchbasics.mnist.training.setup import Splits

torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes that tests start


def pytest_collection_modifyitems(config, items):
    """What is marked `full` runs only where it is asked for.

    The lessons and what tells from them come together, so that of several processes
    one computes the course, and not each.
    """
    items.sort(key=lambda item: not tells_from_the_course(item))
    if "full" not in config.option.markexpr:
        full = [item for item in items if item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=full)
        items[:] = [item for item in items if item not in set(full)]


def tells_from_the_course(item):
    """Whether a test is of the lessons, or takes the course that is computed once."""
    return "lessons" in item.path.parts or "computed" in item.fixturenames


@pytest.fixture(scope="session", autouse=True)
def _one_browser():
    """Whichever test opens a page first starts it, for all."""
    yield
    browser.end()


@pytest.fixture(scope="session")
def mnist():
    """All of MNIST: the training and the test digits."""
    return data.load("train"), data.load("test")


@pytest.fixture(scope="session")
def few(mnist):
    """1,000 digits to train on, 500 to test on."""
    train, test = mnist
    return Splits(
        train=ImageDataset(train.images[:1000], train.labels[:1000]),
        validation=None,
        test=ImageDataset(test.images[:500], test.labels[:500]),
    )


@pytest.fixture
def fewer(monkeypatch, few):
    """`python -m torchbasics.mnist`, in process, trains and tests on few digits."""
    train_on(few, monkeypatch)


@pytest.fixture(scope="session")
def computed():
    """The course, each part of it computed when it is first told in a language."""
    return Course()


@pytest.fixture
def course(computed, monkeypatch):
    """The same, in the place of the lessons' own parts: `main` tells from it."""
    for renderer in (terminal, page):
        monkeypatch.setattr(renderer, "parts_of", computed.parts_of)
    return computed


@pytest.fixture(autouse=True)
def _progress_of_its_own(monkeypatch, request):
    """What a test solves, the developer has not solved."""
    place = "tmp_path"  # made for those that ask where
    monkeypatch.setattr(
        progress, "default_folder", lambda: request.getfixturevalue(place) / "data"
    )


@pytest.fixture(autouse=True)
def _same_threads_after():
    """A test that sets the number of threads does not set it for the others."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
