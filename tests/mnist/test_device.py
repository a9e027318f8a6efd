"""`python -m torchbasics.mnist.device`: what is here, how fast, and what to take."""

import json
from itertools import product
from pathlib import Path

import pytest
import torch
from helpers import python

from torchbasics.device import problem
from torchbasics.mnist import device
from torchbasics.mnist.config import Config, ModelConfig
from torchbasics.mnist.device import Speed, verdict


@pytest.fixture
def quick(monkeypatch):
    """Measure one small network, three steps."""
    monkeypatch.setattr(device, "SECONDS", 0)
    monkeypatch.setattr(device, "NETWORKS", {"784-5-10": ModelConfig(hidden=(5,))})


def test_it_tells_what_is_here_and_measures(quick, capsys):
    assert device.main([]) == 0
    out = capsys.readouterr().out
    for word in ("CPU", "cores", "torch", "accelerator"):
        assert f"\n{word} " in f"\n{out}"
    rows = [line.split() for line in out.splitlines() if "784-5-10" in line]
    assert [row[:3] for row in rows[:2]] == [
        ["cpu", "784-5-10", str(size)] for size in device.BATCH_SIZES
    ]
    assert all(float(row[3].replace(",", "")) > 0 for row in rows)


def test_a_system_that_does_not_tell_of_its_processor_is_not_guessed(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(device, "CPUINFO", tmp_path / "cpuinfo")
    assert device.machine()["CPU"].endswith(": features unknown")
    device.CPUINFO.write_text("model name : Alpha 21064\nflags : fpu")
    assert device.machine()["CPU"] == "Alpha 21064: none of AVX2 to AMX"


def test_as_json_it_is_json_alone(quick, capsys):
    assert device.main(["--json", "--threads", "1"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["torch"].startswith(torch.__version__)
    assert "of which 1 thread" in told["cores"]
    assert all(min(speed["fp32"], speed["bf16"]) > 0 for speed in told["speeds"])
    assert told["verdict"]
    if not torch.cuda.is_available():
        assert told["no CUDA"] == problem(torch.device("cuda"))


@pytest.mark.parametrize("words", [["--threads", "x"], ["--threads", "-1"], ["stray"]])
def test_bad_input_is_a_sentence_and_status_2(words, capsys):
    assert device.main(words) == 2
    assert "Traceback" not in capsys.readouterr().err


def speeds_of(**by_device):
    """Made-up measurements: of two networks and two batch sizes each."""
    sizes = list(product(("784-50-10", "784-900-10"), (10, 500)))
    return [
        Speed(where, *size, fp32=1000.0 * value, bf16=500.0 * value)
        for where, values in by_device.items()
        for size, value in zip(sizes, values, strict=True)
    ]


def test_the_verdict_names_the_sizes_at_which_the_accelerator_wins():
    some = verdict(speeds_of(cpu=(4, 4, 4, 4), cuda=(1, 2, 8, 40)))
    assert some == (
        "cuda wins with 784-900-10 in batches of 10, 784-900-10 in batches of 500: "
        "2 to 10 times as fast as the CPU. Else --device cpu."
    )
    assert "every size" in verdict(speeds_of(cpu=(1, 1, 1, 1), cuda=(2, 3, 4, 5)))
    assert "leave cuda out" in verdict(speeds_of(cpu=(9, 9, 9, 9), cuda=(2, 3, 4, 5)))


def test_of_two_precisions_the_faster_one_counts():
    speeds = speeds_of(cpu=(1, 1, 1, 1), mps=(0.5, 0.5, 0.5, 0.5))
    speeds[4:] = [one._replace(bf16=3000.0) for one in speeds[4:]]
    assert verdict(speeds).startswith("mps wins at every size measured: 3 to 3 times")


def test_a_speed_is_of_the_training_loop(few, monkeypatch):
    """So many images in so long, by a clock that ticks a second a look."""
    clock = iter(range(1000))
    monkeypatch.setattr(device.time, "perf_counter", lambda: float(next(clock)))
    monkeypatch.setattr(device, "SECONDS", 6)
    # three looks to warm up; then start, an end six later, six steps, and the last look
    assert device.speed(Config(batch_size=100), few) == pytest.approx(600 / 8, rel=0.2)


@pytest.mark.full
def test_what_is_to_be_run_on_a_gpu_runs_here_on_a_small_scale(tmp_path):
    script = Path(__file__).parent.parent / "benchmarks" / "gpu.py"
    words = ["--device", "cpu", "--quick", "--minutes", "60"]
    done = python("-W", "error", script, *words, "--json", tmp_path / "gpu.json")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert all(said.startswith("bit-equal; 12") for said in found["steps"].values())
    assert "status 143" in found["resume"]["SIGTERM"]
    assert found["resume"]["SIGTERM"].endswith("resumed: bit-equal")
    (refused,) = found["refusal"].values()
    assert refused.startswith("exit status 1: training failed: step 1 ")
    assert all(min(row.values()) > 0 for row in found["images_per_s"].values())
    assert all("s of training" in said for said in found["recipes"].values())
