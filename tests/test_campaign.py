"""A seeded slice of `campaign.py`: real processes, real kills, nothing lost."""

import json
import sys
from pathlib import Path

import pytest
from boundaries import general
from helpers import python

SCRIPT = Path(__file__).with_name("campaign.py")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("mnist/my-run_2-s10-20261127T120540Z-2/.lock", "mnist/run/.lock"),
        ("mnist/.lesson-s0.0a1b2c3d/.config.toml.00ff00ff",
         "mnist/.run.PART/.config.toml.PART"),
        ("a-s0-20261127T120540Z/events.out.tfevents.1785.host.1.0", "run/events"),
        ("checkpoints/.step-00000012.safetensors.00ff00ff",
         "checkpoints/.step-N.safetensors.PART"),
        ("seeds/lesson-20261127T120540Z/result.json", "seeds/series/result.json"),
    ],
)  # fmt: skip
def test_what_differs_from_run_to_run_is_no_boundary_of_its_own(path, name):
    assert general(path) == name


@pytest.mark.full
@pytest.mark.skipif(sys.platform != "linux", reason="forks, and looks into /proc")
@pytest.mark.parametrize("minutes", [["0.05"], ["0.08", "0.1"]])
def test_a_run_that_is_killed_or_disturbed_loses_nothing(tmp_path, minutes):
    record = tmp_path / "record.jsonl"
    for number in minutes:  # the second goes on where the first stopped; no series yet
        asked = ["--minutes", number, "--jobs", "1", "--seed", "5", "--record", record]
        done = python(SCRIPT, *asked)
        assert done.returncode == 0, done.stdout + done.stderr
        lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert [line["trial"] for line in lines] == [*range(len(lines))]
    assert any(line["killed"] for line in lines)
    assert "0 lost something" in done.stdout
