"""Lesson 7: what is shown is the picture; the baselines are what they are called."""

import torch

from torchbasics.data import scale_pixels
from torchbasics.lessons import digits
from torchbasics.lessons.checks import Listing
from torchbasics.lessons.textbook import load


def test_the_matrix_shown_is_the_picture_without_its_border():
    image = load("test").images[digits.SHOWN]
    words = {key: key for key in ("rows", "columns")}
    shown, *_ = digits.pixels(words)
    assert isinstance(shown, Listing)
    rows = [line.split() for line in shown.text.splitlines() if line.strip()]
    numbers = [[0 if cell == "·" else int(cell) for cell in row] for row in rows]
    assert numbers == image[7:27, 6:22].tolist()
    assert image.sum() == image[7:27, 6:22].sum()


def test_nearest_mean_by_loops_on_a_few():
    train, test = load("train"), load("test")
    means = [train.images[train.labels == d].float().mean(0) for d in range(10)]
    right = 0
    for image, label in zip(test.images[:200], test.labels[:200], strict=True):
        gaps = [float((image - mean).square().sum()) for mean in means]
        right += gaps.index(min(gaps)) == int(label)
    assert 150 < right < 180
    known = scale_pixels(test.images[:200])
    stacked = scale_pixels(torch.stack(means))
    near = torch.cdist(known, stacked).argmin(1) == test.labels[:200]
    assert int(near.sum()) == right


def test_darkness_is_the_mean_pixel():
    images = torch.tensor([[[0, 255], [255, 0]], [[0, 0], [0, 4]]], dtype=torch.uint8)
    assert digits.darkness(images).tolist() == [[127.5], [1.0]]


def test_the_shipped_network_asks_for_no_gradients():
    assert not any(p.requires_grad for p in digits.shipped().parameters())
