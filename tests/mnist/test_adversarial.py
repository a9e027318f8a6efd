"""The smallest change found: real, in whole grey levels, and hardly to be beaten."""

from itertools import product

import pytest
import torch
from helpers import full

from torchbasics import rng
from torchbasics.activations import ACTIVATIONS
from torchbasics.evaluation import predict_probs
from torchbasics.mlp import MLP
from torchbasics.mnist import network
from torchbasics.mnist.adversarial import (
    margins_at,
    nearest_on_plane,
    smallest_change,
    without_needless,
)
from torchbasics.mnist.config import Config, DataConfig

KINDS = list(product(ACTIVATIONS, (False, True), (False, True)))


def of(model, scale="unit"):
    """A network of this model, with pixels of that scale."""
    return network.Network(model.eval(), Config(data=DataConfig(scale=scale)))


def reads(some_network, image):
    transform = some_network.config.data.transform
    return int(predict_probs(some_network.model, image[None], transform).argmax())


@pytest.fixture(scope="module")
def shipped():
    return network.load("pretrained")


@pytest.fixture(scope="module")
def images(mnist):
    return mnist[1].images[:5]


def assert_real(change, some_network, image):
    """The changed picture is a picture, read as is said; the first is not."""
    assert torch.equal(change.before, image)
    assert change.after.dtype == torch.uint8
    assert change.after.shape == (28, 28)
    assert reads(some_network, change.after) == change.answer
    assert reads(some_network, image) != change.answer
    difference = change.after.double() - image.double()
    assert change.l2 == pytest.approx(difference.square().sum().sqrt().item())
    assert change.linf == difference.abs().max()
    assert change.num_changed == (difference != 0).sum()


@pytest.mark.slow
def test_it_is_real_and_far_smaller_than_the_digit(shipped, images):
    sizes = []
    for image in images:
        change = smallest_change(shipped, image)
        assert_real(change, shipped, image)
        sizes.append(change.l2 / float(image.double().norm()))
    assert max(sizes) < 0.15


@pytest.mark.slow
@pytest.mark.parametrize(
    ("activation", "batch_norm", "residual"),
    full(*KINDS[::2], *KINDS[1::2], first=len(KINDS) // 2),
)
def test_every_kind_of_network_is_fooled(images, activation, batch_norm, residual):
    draw = rng.generator(1, "adversarial")
    model = MLP(
        784, [12, 12], 10, activation, batch_norm=batch_norm, residual=residual,
        generator=draw,
    )  # fmt: skip
    some = of(model, "standard" if residual else "unit")
    assert_real(smallest_change(some, images[0]), some, images[0])


def test_random_changes_as_large_do_nothing(shipped, images):
    change = smallest_change(shipped, images[0])
    noise = torch.randn(500, 28, 28, generator=rng.generator(0, "random changes"))
    noise = torch.where(images[0] == 0, noise.abs(), noise)  # where ink can only grow
    noise *= change.l2 / noise.flatten(1).norm(dim=1)[:, None, None]
    changed = (images[0] + noise).round().clamp(0, 255).to(torch.uint8)
    probs = predict_probs(shipped.model, changed, shipped.config.data.transform)
    assert (probs.argmax(1) == reads(shipped, images[0])).all()


@pytest.mark.slow
def test_of_a_linear_network_it_is_nearly_the_nearest_there_is(images):
    model = MLP(784, [], 10, generator=rng.generator(0, "linear"))
    for image in images:
        answer = reads(of(model), image)
        others = [digit for digit in range(10) if digit != answer]
        weight, bias = model.logits.weight.detach() / 255, model.logits.bias.detach()
        slopes = weight[others] - weight[answer]
        level = bias[answer] - bias[others]
        exact = nearest_on_plane(image.flatten().float(), slopes, level)
        least = float((exact - image.flatten()).norm(dim=1).min())
        assert 0.98 * least < smallest_change(of(model), image).l2 < 1.1 * least + 3


def test_the_nearest_point_of_a_plane_in_the_box_is_nearest():
    """(p - start) (q - p) >= 0 for all q on the plane: so it is with a convex set's."""
    draw = rng.generator(0, "planes")
    for _ in range(50):
        start = (255 * torch.rand(20, generator=draw, dtype=torch.float64)).round()
        start[:8] = 0
        slopes = torch.randn(1, 20, generator=draw, dtype=torch.float64)
        box = 255 * torch.rand(400, 20, generator=draw, dtype=torch.float64)
        level = (box @ slopes[0]).quantile(0.9)
        if slopes[0] @ start > level:
            continue
        p = nearest_on_plane(start, slopes, level[None])[0]
        assert p.min() >= 0
        assert p.max() <= 255
        assert p @ slopes[0] == pytest.approx(level.item())
        above, below = (box[(box @ slopes[0] > level) == side] for side in (1, 0))
        below = below[: len(above)]
        share = (level - below @ slopes[0]) / ((above - below) @ slopes[0])
        q = below + share[:, None] * (above - below)
        assert ((q - p) @ (p - start)).min() > -1e-6


@pytest.mark.parametrize("size", [1e-30, 1e-12, 1.0, 1e12])
def test_the_size_of_the_slopes_does_not_matter(size):
    slopes, level = torch.tensor([[3.0, 4.0, 0.0]]), torch.tensor([500.0])
    start = torch.tensor([0.0, 0.0, 7.0])
    found = nearest_on_plane(start, size * slopes, size * level)
    assert found[0].tolist() == pytest.approx([60, 80, 7], rel=1e-4)


def test_what_cannot_be_reached_leaves_the_corner_and_no_slope_the_start():
    start = torch.tensor([5.0, 250.0])
    far = nearest_on_plane(start, torch.tensor([[1.0, -1.0]]), torch.tensor([1e6]))
    assert far.tolist() == [[255, 0]]
    flat = nearest_on_plane(start, torch.zeros(1, 2), torch.tensor([1.0]))
    assert torch.equal(flat, start[None])


@pytest.mark.parametrize("scale", ["unit", "standard"])
def test_slopes_are_by_the_grey_level(shipped, images, scale):
    some = of(network.load("pretrained").model, scale)
    points = images[:1].flatten(1).float()
    direction = torch.eye(10)[[3]] - torch.eye(10)[[7]]
    margins, slopes = margins_at(some, points, direction)
    step = torch.zeros(784)
    step[400:420] = 1.0
    moved, _ = margins_at(some, points + step, direction)
    back, _ = margins_at(some, points - step, direction)
    assert float(slopes[0] @ step) == pytest.approx(float(moved - back) / 2, rel=1e-2)
    logits = some.model(some.config.data.transform(images[:1]))[0].detach()
    assert float(margins) == pytest.approx(float(logits[3] - logits[7]), rel=1e-4)


def test_needless_changes_are_undone(shipped, images):
    change = smallest_change(shipped, images[0])
    start, answer = images[0].flatten().float(), reads(shipped, images[0])
    further = 1.5 * (change.after.flatten().float() - start)
    more = (start + further).round().clamp(0, 255)
    kept = without_needless(shipped, start, more, answer)
    assert (kept != start).sum() < (more != start).sum()
    assert torch.equal(kept[kept != start], more[kept != start])
    assert reads(shipped, kept.view(28, 28).to(torch.uint8)) != answer


def test_a_network_that_never_answers_otherwise_is_not_fooled(images):
    model = MLP(784, [5], 10)
    model.load_state_dict({n: 0 * value for n, value in model.state_dict().items()})
    model.logits.bias.data[4] = 1
    assert smallest_change(of(model), images[0]) is None
