"""Event files: what is finite is written, what is not is counted."""

import math
import time

import pytest
import torch
from helpers import events_of, only, points

from torchbasics.command.events import Events


def test_only_finite_values_reach_the_file_and_the_others_are_counted(tmp_path):
    writer = Events(tmp_path, {}, purge_step=0)
    writer.scalar("nan", math.nan, 1)
    writer.histogram("none", torch.full((5,), torch.nan), 1)
    writer.histogram("some", torch.tensor([1.0, math.nan, math.inf, 3.0]), 1)
    writer.histogram("equal", torch.zeros(5), 1)
    writer.close()
    events = events_of(tmp_path)
    assert set(events.Tags()["scalars"]) == {"nonfinite/none", "nonfinite/some"}
    assert events.Scalars("nonfinite/none")[0].value == 1
    assert events.Scalars("nonfinite/some")[0].value == 0.5
    assert set(events.Tags()["histograms"]) == {"some", "equal"}
    assert events.Histograms("some")[0].histogram_value.num == 2


def test_no_file_is_made_before_there_is_something_to_write(tmp_path):
    Events(tmp_path, {}, purge_step=0).close()
    assert not list(tmp_path.iterdir())


def test_a_run_whose_folder_went_is_not_made_anew(tmp_path):
    events = Events(tmp_path / "run" / "network", {}, purge_step=0)
    with pytest.raises(FileNotFoundError):
        events.scalar("loss", 0.5, 1)
    assert not list(tmp_path.iterdir())


def write(folder, purge_step, *steps):
    """What one process of a run writes: curves, and a picture after the last step."""
    events = Events(folder, {"a": {}}, purge_step)
    events.come_last()
    for step in steps:
        events.scalar("loss", 1 / purge_step, step)
        events.histogram("weights", torch.randn(5), step)
    if 30 in steps:
        events.writer.add_image("figures/last", torch.zeros(3, 2, 2), 31)
    events.close()


def shown(folder):
    """By tag, the steps that TensorBoard shows."""
    steps = {}
    for tag, step in points(folder):
        steps.setdefault(tag, []).append(step)
    return steps


ONCE = {"loss": [10, 20, 30], "weights": [10, 20, 30], "figures/last": [31]}


@pytest.mark.parametrize("seconds", [0, -86_400])
@pytest.mark.parametrize(("purge_step", "again"), [(21, [30]), (1, [10, 20, 30])])
def test_what_is_written_again_is_shown_once_whatever_the_clock_says(
    tmp_path, monkeypatch, seconds, purge_step, again
):
    write(tmp_path, 1, 10, 20, 30)
    assert shown(tmp_path) == ONCE
    now = time.time() + seconds
    monkeypatch.setattr(time, "time", lambda: now)
    for _ in range(3):
        write(tmp_path, purge_step, *again)
        assert shown(tmp_path) == ONCE
    assert events_of(tmp_path).Scalars("loss")[-1].value == pytest.approx(
        1 / purge_step
    )


@pytest.mark.slow
def test_a_torn_event_is_forgotten(tmp_path):
    write(tmp_path, 1, 10, 20, 30)
    path = only(tmp_path.iterdir())
    whole = path.read_bytes()
    for size in range(0, len(whole), 7):
        for other in tmp_path.iterdir():
            other.unlink()
        path.write_bytes(whole[:size])
        write(tmp_path, 21, 30)
        told = shown(tmp_path)
        for *before, last in (told["loss"], told["weights"]):
            assert (before, last) == ([10, 20][: len(before)], 30)
