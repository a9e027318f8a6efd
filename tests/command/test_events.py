"""Event files: what is finite is written, what is not is counted."""

import math
import time

import pytest
import torch
from helpers import events_of, only, points

from torchbasics.command.events import FIRST, Events, _records


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


STEPS = (10, 20, 30)
CURVES = [("loss", 10), ("weights", 10), ("loss", 20), ("weights", 20)]


@pytest.fixture
def written(tmp_path):
    """The folder of a run of three epochs, with a picture at its end."""
    events = Events(tmp_path, {"a": {}}, purge_step=1)
    for step in STEPS:
        events.scalar("loss", 1 / step, step)
        events.histogram("weights", torch.randn(5), step)
    events.scalar("figures/last", 1, 30)
    events.close()
    return tmp_path


def cut_back(folder, step):
    Events(folder, {}, purge_step=step + 1).cut_back(step, "figures/")
    return list(points(folder))


@pytest.mark.parametrize(("step", "kept"), [(20, 4), (25, 4), (10, 2), (9, 0), (0, 0)])
def test_what_is_cut_back_tells_of_no_later_step(written, step, kept):
    assert cut_back(written, step) == CURVES[:kept]
    assert only(written.iterdir()).name == FIRST


def test_what_is_cut_back_at_the_end_lacks_what_is_written_then(written):
    assert cut_back(written, 30) == [*CURVES, ("loss", 30), ("weights", 30)]


def test_what_is_cut_back_is_read_before_what_comes_later_whatever_the_clock_says(
    written, monkeypatch
):
    day_before = time.time() - 86_400
    cut_back(written, 20)
    monkeypatch.setattr(time, "time", lambda: day_before)
    events = Events(written, {"a": {}}, purge_step=21)
    events.scalar("loss", 0.5, 30)
    events.close()
    assert [point.step for point in events_of(written).Scalars("loss")] == [10, 20, 30]


def test_a_kill_before_the_old_files_are_gone_doubles_nothing(written):
    path = only(written.iterdir())
    content = path.read_bytes()
    cut_back(written, 20)
    path.write_bytes(content)
    assert cut_back(written, 20) == CURVES


@pytest.mark.slow
def test_a_torn_event_is_forgotten_and_a_file_of_anything_else_is_no_failure(written):
    path = only(written.iterdir())
    whole = path.read_bytes()
    for size in range(0, len(whole), 7):
        for other in written.iterdir():
            other.unlink()
        path.write_bytes(whole[:size])
        (written / "events.out.tfevents.0").write_bytes(b"\5" + bytes(range(100)))
        kept = cut_back(written, 20)
        assert kept == CURVES[: len(kept)]
        assert events_of(written).Tags()["scalars"] == ["loss"] * bool(kept)


def test_where_there_is_no_event_file_there_is_none_after_cutting_back(tmp_path):
    assert cut_back(tmp_path, 20) == []
    assert not list(tmp_path.iterdir())


def test_a_file_of_zeros_holds_no_record_and_costs_no_time(tmp_path):
    start = time.process_time()
    assert list(_records(bytes(2**22))) == []
    assert time.process_time() - start < 0.1
