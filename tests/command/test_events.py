"""Event files: what is finite is written, what is not is counted."""

import math

import torch
from helpers import events_of

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
