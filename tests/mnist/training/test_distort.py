"""Distortion: as far as asked, evenly, as torchvision turns, the same from one key."""

import math

import pytest
import torch
from helpers import events_of, only_run
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import rotate

from torchbasics.data import ImageDataset
from torchbasics.mnist.__main__ import main
from torchbasics.mnist.config import Config, DistortConfig, ModelConfig
from torchbasics.mnist.training import distort
from torchbasics.mnist.training.board import distorted_examples
from torchbasics.mnist.training.checkpoint import Checkpoint
from torchbasics.mnist.training.distort import SIDE
from torchbasics.mnist.training.loop import training_steps
from torchbasics.mnist.training.resume import load_state_dict, state_dict
from torchbasics.mnist.training.setup import Splits, setup
from torchbasics.rng import generator

FULL = DistortConfig(
    rotation=15, shear=15, scale=0.15, shift=2, elastic=1.1, sigma=5, half=(1, 7)
)
IDENTITY = torch.tensor([[1.0, 0, 0], [0, 1, 0]])


def places(weights):
    """Where the pixels take their values from, in the units of grid_sample."""
    return weights @ (distort.affine_basis() * 2 / SIDE)


@pytest.fixture(scope="module")
def some(mnist):
    """300 digits."""
    return ImageDataset(mnist[1].images[:300], mnist[1].labels[:300])


def test_at_strength_0_nothing_changes(some):
    assert not DistortConfig().enabled
    same = distort.distorted(some, DistortConfig(), 0, 0)
    assert torch.equal(same.images, some.images)
    assert torch.equal(same.labels, some.labels)


@pytest.mark.parametrize("degrees", [-30, 7, 15, 90])
def test_a_known_rotation_is_torchvisions(some, degrees):
    angle = math.radians(degrees)
    turned = torch.tensor(
        [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0]]
    )
    ours = distort.warp(some.images, places(turned).expand(300, -1, -1))
    theirs = rotate(some.images, degrees, InterpolationMode.BILINEAR)
    assert (ours.float() - theirs.float()).abs().max() <= 1  # both are rounded


def test_a_whole_pixel_shift_moves_the_pixels_and_0_comes_in(some):
    moved = torch.tensor([[1.0, 0, 3], [0, 1, -2]])  # from 3 right and 2 above
    ours = distort.warp(some.images, places(moved).expand(300, -1, -1))
    assert torch.equal(ours[:, 2:, :25], some.images[:, :26, 3:])
    assert not ours[:, :2].any()
    assert not ours[:, :, 25:].any()


@pytest.mark.slow
@pytest.mark.parametrize("sigma", [1.0, 4.0, 5.5])
def test_the_elastic_displacement_is_as_large_as_asked_everywhere_with_mean_0(sigma):
    only = DistortConfig(elastic=1.3, sigma=sigma)
    basis = distort.elastic_basis(sigma)
    random = generator(0, "test")
    weights = distort.elastic_weights(10_000, len(basis), only, random)
    field = (weights @ basis).view(-1, SIDE, SIDE)  # (20_000, 28, 28)
    rms = field.square().mean(0).sqrt()
    assert (rms - 1.3).abs().max() < 0.04
    assert field.mean(0).abs().max() < 5 * 1.3 / math.sqrt(20_000)
    for distance in (1, 3, 8):
        together = (field[..., distance:] * field[..., :-distance]).mean() / 1.3**2
        wanted = math.exp(-(distance**2) / (4 * sigma**2))
        assert together.item() == pytest.approx(wanted, abs=0.02)


def test_the_smooth_pictures_are_blurred_noise():
    """The same correlation as noise that a Gaussian blurs, pixel by pixel."""
    sigma, wide = 4.0, torch.arange(-40, 68).double()
    blur = torch.exp(-((wide - torch.arange(28)[:, None]) ** 2) / (2 * sigma**2))
    blur /= blur.norm(dim=1, keepdim=True)
    pictures = distort.elastic_basis(sigma).double()
    wanted = torch.kron(blur @ blur.T, blur @ blur.T)
    torch.testing.assert_close(pictures.T @ pictures, wanted, atol=2e-3, rtol=0)


def test_draws_are_even_within_their_ranges_and_half_for_1_and_7():
    labels = torch.arange(10).repeat(5000)
    random = generator(0, "test")
    x, y = distort.affine_weights(labels, FULL, random).unbind(1)
    wide = (x[:, 0] ** 2 + y[:, 0] ** 2).sqrt()
    assert 0.85 <= wide.min() < 0.86
    assert 1.14 < wide.max() <= 1.1501
    assert x[:, 2].abs().max() == pytest.approx(2, abs=0.01)
    assert x[:, 2].mean().abs() < 0.02
    only = DistortConfig(rotation=15, half=(1, 7))
    _, y = distort.affine_weights(labels, only, random).unbind(1)
    angles = torch.rad2deg(torch.asin(y[:, 0]))
    half = torch.isin(labels, torch.tensor([1, 7]))
    assert angles[half].abs().max() == pytest.approx(7.5, abs=0.02)
    assert angles[~half].abs().max() == pytest.approx(15, abs=0.02)
    assert angles.mean().abs() < 0.2


def test_equal_keys_give_equal_bits_and_others_do_not(some):
    first = distort.distorted(some, FULL, 3, 1).images
    assert torch.equal(first, distort.distorted(some, FULL, 3, 1).images)
    for seed, epoch in ((3, 2), (4, 1)):
        other = distort.distorted(some, FULL, seed, epoch).images
        assert not torch.equal(first, other)
    assert not torch.equal(first[0], some.images[0])


def test_it_does_not_depend_on_how_many_are_warped_at_once(some, monkeypatch):
    whole = distort.distorted(some, FULL, 0, 0).images
    monkeypatch.setattr(distort, "CHUNK", 64)
    parts = distort.distorted(some, FULL, 0, 0).images
    assert (whole.float() - parts.float()).abs().max() <= 1


def test_a_training_stopped_within_an_epoch_ends_equal(some):
    config = Config(
        batch_size=50, epochs=2, distort=FULL,
        model=ModelConfig(
            hidden=(20,), batch_norm=True, input_noise=0.1, input_dropout=0.2
        ),
        optim={"ema": 0.9, "max_norm": 1.0},
    )  # fmt: skip
    splits = Splits(some, None, some)
    whole = setup(config, splits)
    for progress in training_steps(whole):
        if progress.step == 8:
            state = state_dict(whole)
            kept = {name: value.clone() for name, value in state.tensors.items()}
    resumed = setup(config, splits)
    load_state_dict(resumed, Checkpoint(kept, state.metadata))
    for _ in training_steps(resumed):
        pass
    ends = [state_dict(training).tensors for training in (whole, resumed)]
    assert ends[0].keys() == ends[1].keys()
    assert any(name.startswith("ema.") for name in ends[0])
    for name, tensor in ends[0].items():
        assert torch.equal(tensor, ends[1][name]), name


@pytest.mark.slow
def test_a_run_shows_what_its_distortions_make_of_digits(tmp_path, capsys):
    words = ["--distort.rotation", "15", "--max-steps", "2", "--model.hidden", "8"]
    assert main([*words, "--quiet", "--runs-dir", str(tmp_path)]) == 0
    assert not capsys.readouterr().err
    (sheet,) = events_of(only_run(tmp_path)).Images("figures/distorted")
    assert (sheet.width, sheet.height) == (20 * 28 * 2, 9 * 28 * 2)


def test_the_sheet_shows_each_digit_above_its_own_distortions(some):
    config = Config(distort=DistortConfig(shift=2))
    sheet = distorted_examples(setup(config, Splits(some, None, some)))
    assert sheet.shape == (20, 9, 28, 28)
    for column, original in zip(sheet, sheet[:, 0], strict=True):
        assert (some.images == original).flatten(1).all(1).any()
        assert not torch.equal(column[1], original)
