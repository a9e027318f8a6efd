"""A series of seeds, as its folder tells of it: how far, how long, how wrong."""

import pytest
import torch
from helpers import manifest, metrics_line

from torchbasics.command import runs
from torchbasics.mnist.config import Config, DataConfig
from torchbasics.mnist.training import series


@pytest.fixture
def folder(tmp_path):
    """A series with a run of seed 5 that has begun."""
    run = tmp_path / "mnist" / "short-s5"
    run.mkdir(parents=True)
    runs.write_manifest(run, manifest(seed=5))
    return tmp_path


def test_a_run_is_found_by_its_seed_and_a_damaged_one_is_not(folder):
    run = series.run_folder(folder, 5)
    assert run == folder / "mnist" / "short-s5"
    assert series.run_folder(folder, 6) is None
    (run / "manifest.json").write_text("{")
    assert series.run_folder(folder, 5) is None


def test_a_run_that_has_not_ended_is_not_finished(folder):
    assert not series.is_finished(folder, Config(), 5)
    assert not series.is_finished(folder, Config(), 6)


def test_each_run_has_the_steps_of_its_training_images():
    assert series.total_steps(Config(max_steps=30)) == 30
    config = Config(batch_size=100, epochs=2, data=DataConfig(validation=10_000))
    assert series.total_steps(config) == 1000


def test_the_seconds_are_those_of_the_images_shown(tmp_path):
    config = Config(batch_size=100, epochs=2, max_steps=610)
    lines = [metrics_line(600, 1000), metrics_line(610, 100)]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    assert series.training_seconds(tmp_path, config) == 60 + 10
    (tmp_path / "metrics.jsonl").write_text(lines[0])
    assert series.training_seconds(tmp_path, config) is None
    (tmp_path / "metrics.jsonl").write_text(lines[0] + '\n{"st')
    assert series.training_seconds(tmp_path, config) is None


def test_a_misclassified_image_is_one_whose_likeliest_digit_is_not_its_label():
    labels = torch.tensor([0, 1])
    probs = torch.tensor([[0.6, 0.4], [0.9, 0.1]])
    assert series.misclassified(probs, labels) == [1]
