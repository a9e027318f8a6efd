"""Several processes train as one would, stop as one, and leave as one."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import several
import torch
import torch.distributed as dist
from helpers import full, metrics, only_run, python, wait_for

from torchbasics.command.errors import TrainingError, UserError
from torchbasics.mnist.__main__ import main
from torchbasics.mnist.config import Config, ModelConfig
from torchbasics.mnist.training import loop, meeting
from torchbasics.mnist.training.checkpoint import CheckpointManager
from torchbasics.mnist.training.loop import epoch_batches
from torchbasics.mnist.training.processes import Processes
from torchbasics.mnist.training.setup import setup

TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
PROGRAM = ["-m", "torchbasics.mnist"]
STARTED = []


def start(*words, **options):
    """A process that has just been started; at the test's end it and its own end."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, *map(str, words)]
    STARTED.append(subprocess.Popen(command, **pipes | options))
    return STARTED[-1]


def workers(launcher):
    """The processes that a launcher has started, by rank."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = (place / "stat").read_text().rpartition(")")[2].split()[1]
            texts = (place / "environ").read_text().split("\0")
        except OSError:
            continue
        ranks = [text[5:] for text in texts if text.startswith("RANK=")]
        if int(parent) == launcher.pid and ranks:
            found[int(ranks[0])] = int(place.name)
    return found


@pytest.fixture(autouse=True)
def _nothing_goes_on():
    yield
    while STARTED:
        process = STARTED.pop()
        for pid in (*workers(process).values(), process.pid):
            if process.poll() is None or pid != process.pid:
                os.kill(pid, signal.SIGKILL)
        process.communicate()


def goes_on(pid):
    """Whether a process is there, and no mere entry of one that has ended."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.full
def test_a_launcher_that_is_killed_leaves_nobody_training_alone(tmp_path):
    words = [*RUN[:2], "--epochs", "1000", "--runs-dir", tmp_path]
    launcher = start(*TORCHRUN, *PROGRAM, *words)
    wait_for(tmp_path, "**/step-00000100*", launcher)
    both = workers(launcher).values()
    launcher.kill()
    ended = time.monotonic() + 30
    try:
        while any(map(goes_on, both)):
            assert time.monotonic() < ended
            time.sleep(0.05)
    finally:
        for pid in filter(goes_on, both):
            os.kill(pid, signal.SIGKILL)
    out, _ = launcher.communicate(timeout=60)
    step = int(out.partition("stopped by SIGTERM after step ")[2].split()[0])
    assert CheckpointManager(only_run(tmp_path)).latest().metadata["step"] == step


def free_port():
    """A port that nobody uses."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def as_a_cluster(rank, port, count=2):
    """The environment of one of the processes that a cluster starts by itself."""
    said = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "MASTER_PORT": port}
    text = {name: str(value) for name, value in said.items()}
    return os.environ | text | {"MASTER_ADDR": "127.0.0.1"}


def told(place, *words, alone=False):
    """What several.py writes: by rank, digest of the weights and losses."""
    place.mkdir()
    if alone:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "batches", loop.batches)  # which it replaces
            several.main(place, *words)
    else:
        port = free_port()  # torchrun itself would take as long to import as they do
        ranks = [as_a_cluster(rank, port) for rank in range(2)]
        for process in [start(several.__file__, place, *words, env=r) for r in ranks]:
            _, err = process.communicate(timeout=120)
            assert process.returncode == 0, err
    return [json.loads(path.read_text()) for path in sorted(place.iterdir())]


EQUAL = [
    ("float32", 1e-5, ["--max-steps", "60"]),
    ("float32", 1e-5, ["--max-steps", "300"]),
    ("float64", 1e-8, ["--epochs", "2"]),
    (
        "float32",
        1e-5,
        ["--max-steps", "10", "--model.hidden", "800", "800", "--model.activation",
         "relu", "--model.dropout", "0.5", "--model.input-noise", "0.1"],
    ),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "tolerance", "options"), full(*EQUAL))
def test_two_processes_take_the_steps_of_one(tmp_path, dtype, tolerance, options):
    (one,) = told(tmp_path / "1", dtype, *options, alone=True)
    first, second = told(tmp_path / "2", dtype, *options)
    assert first["weights"] == second["weights"]
    two, one = torch.tensor(first["losses"]), torch.tensor(one["losses"])
    torch.testing.assert_close(two, one, rtol=tolerance, atol=0)


def test_each_has_its_part_of_every_batch_in_the_same_order(few):
    config = Config(batch_size=96, model=ModelConfig(hidden=(8,)))
    whole = [*epoch_batches(setup(config, few))]
    parts = [[*epoch_batches(setup(config, few, Processes(r, 3)))] for r in range(3)]
    for batch, *shared in zip(whole, *parts, strict=True):
        for both, some in zip(batch, zip(*shared, strict=True), strict=True):
            assert [len(part) for part in some] == [32, 32, 32]
            assert torch.equal(torch.cat(some), both)


@pytest.mark.parametrize(
    ("batch_size", "batch_norm", "said"),
    [
        (100, False, "3 processes cannot share it equally; they could 99 or 102"),
        (2, False, "for 3 processes it must be at least 3, so that each has 1"),
        (3, True, "for 3 processes it must be at least 6, so that each has 2"),
    ],
)
def test_a_batch_that_cannot_be_shared_is_refused(few, batch_size, batch_norm, said):
    config = Config(batch_size=batch_size, model=ModelConfig(batch_norm=batch_norm))
    with pytest.raises(UserError, match=f"batch_size = {batch_size}: {said}"):
        setup(config, few, Processes(0, 3))


RUN = ["--batch-size", "600", "--epochs", "3"]


@pytest.mark.slow
def test_a_signal_to_one_stops_all_after_one_saved_step_and_one_goes_on(
    tmp_path, capsys
):
    launcher = start(*TORCHRUN, *PROGRAM, *RUN, "--runs-dir", tmp_path)
    wait_for(tmp_path, "**/step-00000100*", launcher)
    both = workers(launcher)
    os.kill(both[1], signal.SIGTERM)
    out, _ = launcher.communicate(timeout=60)
    assert launcher.returncode
    assert not any(map(goes_on, both.values()))
    step = int(out.partition("stopped by SIGTERM after step ")[2].split()[0])
    latest = CheckpointManager(only_run(tmp_path)).latest().metadata
    assert (latest["step"], latest["processes"]) == (step, 2)
    assert main(["--resume", str(only_run(tmp_path)), "--quiet"]) == 0
    said = capsys.readouterr()
    assert "of 10,000)" in said.out
    assert "processes was 2 and is 1 now" in said.err
    assert [line["step"] for line in metrics(only_run(tmp_path))] == [100, 200, 300]


@pytest.mark.full
def test_from_two_processes_to_one_to_two_it_learns_what_one_learns(tmp_path):
    where = ["--runs-dir", tmp_path / "run"]
    count = 2
    for step in ("step-00000100*", "step-00000200*"):
        what = ["--resume", "auto", *RUN, *where]
        process = start(*(TORCHRUN if count == 2 else []), *PROGRAM, *what)
        wait_for(tmp_path, f"run/**/{step}", process)
        os.kill((workers(process) or {0: process.pid})[0], signal.SIGTERM)
        process.communicate(timeout=60)
        count = 3 - count
    done = python(*TORCHRUN, *PROGRAM, "--resume", "auto", *RUN, *where)
    assert "of 10,000)" in done.stdout, done.stderr
    whole = python(*PROGRAM, *RUN, "--runs-dir", tmp_path / "whole")
    both = [metrics(only_run(tmp_path / name)) for name in ("run", "whole")]
    assert whole.returncode == 0
    for broken, unbroken in zip(*both, strict=True):
        assert broken["loss/train"] == pytest.approx(unbroken["loss/train"], rel=1e-4)
        assert abs(broken["accuracy/test"] - unbroken["accuracy/test"]) <= 0.002


@pytest.mark.full
@pytest.mark.parametrize("rank", [0, 1])
def test_a_kill_of_one_ends_all_and_the_run_goes_on(tmp_path, rank):
    launcher = start(*TORCHRUN, *PROGRAM, *RUN, "--runs-dir", tmp_path)
    wait_for(tmp_path, "**/step-00000100*", launcher)
    both = workers(launcher)
    os.kill(both[rank], signal.SIGKILL)
    ended = time.monotonic() + 30
    while any(map(goes_on, both.values())):
        assert time.monotonic() < ended
        time.sleep(0.05)
    launcher.communicate(timeout=60)
    assert main(["--resume", str(only_run(tmp_path)), "--quiet"]) == 0
    assert [line["step"] for line in metrics(only_run(tmp_path))] == [100, 200, 300]


@pytest.mark.full
def test_a_job_that_is_killed_three_times_ends_bit_equal(tmp_path):
    """As the cluster starts it, again and again with the same command."""

    def job(place):
        port = free_port()
        what = ["--resume", "auto", *RUN, "--runs-dir", place]
        return [start(*PROGRAM, *what, env=as_a_cluster(r, port)) for r in range(2)]

    for killed in ("100", "200", "200"):
        both = job(tmp_path / "killed")
        wait_for(tmp_path, f"killed/**/step-00000{killed}*", both[0])
        for process in both:
            process.kill()
            process.communicate()
    for place in ("killed", "whole"):
        for process in job(tmp_path / place):
            assert process.communicate(timeout=120)
            assert process.returncode == 0
    killed, whole = (only_run(tmp_path / name) for name in ("killed", "whole"))
    name = "checkpoints/step-00000300.safetensors"
    assert (killed / name).read_bytes() == (whole / name).read_bytes()


def test_a_series_is_for_one_process(capsys, monkeypatch):
    from torchbasics.mnist import seeds  # noqa: PLC0415

    monkeypatch.setenv("WORLD_SIZE", "2")
    assert seeds.main([]) == 2
    assert "as many at once as --processes says" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"WORLD_SIZE": "2"}, "each other: set RANK, MASTER_ADDR, MASTER_PORT, or"),
        ({"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "x"}, "set MASTER_PORT, or"),
        ({"RANK": "0"}, "each other: set WORLD_SIZE, MASTER_ADDR, MASTER_PORT, or"),
        ({"RANK": "1", "WORLD_SIZE": "1"}, "RANK is '1': WORLD_SIZE is 1, so it must"),
        *(({"WORLD_SIZE": text}, f"WORLD_SIZE is {text!r}: it must be a number from 1")
          for text in ("", "x", "-1", "0", "1e9", "1.0", "\u0662", "9" * 5000)),
        *(({"RANK": text}, f"RANK is {text!r}: WORLD_SIZE is 2, so it must be a number")
          for text in ("", "x", "-1", "2", "1e9")),
        *(({"LOCAL_RANK": text}, f"LOCAL_RANK is {text!r}: WORLD_SIZE is 2, so it must")
          for text in ("", "-1", "2")),
        *(({"MASTER_PORT": text}, f"MASTER_PORT is {text!r}: it must be a number from")
          for text in ("", "x", "0", "99999")),
        ({"MASTER_ADDR": " "}, "MASTER_ADDR is empty: it must name the machine of"),
    ],
)  # fmt: skip
def test_an_environment_that_tells_too_little_is_refused(
    monkeypatch, capsys, variables, said
):
    if len(variables) == 1 and variables not in ({"WORLD_SIZE": "2"}, {"RANK": "0"}):
        variables = as_a_cluster(0, 1) | variables
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main([]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert len(err) < 300
    assert said[:60] in err


@pytest.mark.parametrize(
    "variables",
    [
        {"WORLD_SIZE": "1"},
        {"WORLD_SIZE": "1", "RANK": "0", "MASTER_PORT": "x"},
        {"MASTER_ADDR": "x", "MASTER_PORT": "1", "LOCAL_RANK": "3"},
    ],
)
def test_one_alone_needs_no_address(monkeypatch, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert meeting.meet() == (0, 1, None)


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_who_waits_in_vain_names_whom_and_where(monkeypatch, capsys, rank):
    port = free_port()
    monkeypatch.setattr(meeting, "TO_MEET", timedelta(seconds=0.5))
    for name, value in as_a_cluster(rank, port).items():
        monkeypatch.setenv(name, value)
    assert main(["--print-config"] if rank else []) == 2
    said = capsys.readouterr().err
    assert f"process {1 - rank} of 2 was not met at 127.0.0.1:{port}" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("address", [".", "x..y", "x" * 70])
def test_an_address_that_is_none_is_refused_at_once(monkeypatch, capsys, address):
    port = free_port()
    environment = as_a_cluster(1, port) | {"MASTER_ADDR": address}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main([]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: nobody can be met at {address}:{port}: encoding")
    assert said.count("\n") == 1


@pytest.mark.parametrize("named", ["nosuch0", "lo,nosuch0", "lo:1"])
def test_a_network_that_is_not_there_is_refused_naming_those_that_are(
    monkeypatch, named
):
    monkeypatch.setattr(socket, "if_nameindex", lambda: [(1, "lo"), (2, "eth0")])
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", named)
    assert Processes().require_network() is None
    if named == "lo:1":
        assert Processes(0, 2).require_network() is None
        return
    said = f"GLOO_SOCKET_IFNAME is '{named}': there is lo, eth0"
    with pytest.raises(UserError, match=said):
        Processes(0, 2).require_network()


def test_a_port_in_use_is_named(monkeypatch, capsys):
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for name, value in as_a_cluster(0, port).items():
            monkeypatch.setenv(name, value)
        assert main([]) == 2
    assert f"another program has the port {port} already" in capsys.readouterr().err


def test_processes_that_torchrun_starts_again_do_not_read_the_words_of_before(
    monkeypatch,
):
    port = free_port()
    agents = dist.TCPStore("127.0.0.1", port, is_master=True, wait_for_workers=False)
    restarts = {"TORCHELASTIC_USE_AGENT_STORE": "True"}
    stores = []
    for attempt in range(2):
        restarts["TORCHELASTIC_RESTART_COUNT"] = str(attempt)
        for name, value in (as_a_cluster(0, port) | restarts).items():
            monkeypatch.setenv(name, value)
        stores.append(meeting.meet()[2])
    stores[0].set("1/1", "stale")
    assert [store.check(["1/1"]) for store in (*stores, agents)] == [True, False, False]


def test_a_setting_that_only_another_version_has_is_named(monkeypatch):
    store = dist.HashStore()
    store.set("1/1", json.dumps({"seed": 0, "new": 1}))
    store.set("1/1 has read", "")
    with pytest.raises(UserError, match="process 0 has new = None, process 1 has new"):
        meeting.Meeting(0, 2, store).require_same({"seed": 0})


@pytest.mark.parametrize("why", ["", "no memory"])
def test_what_another_leaves_for_rank_0_says(monkeypatch, why):
    monkeypatch.setattr(meeting.time, "sleep", lambda _: None)
    store = dist.HashStore()
    first, second = (meeting.Meeting(rank, 2, store) for rank in range(2))
    if why:
        with pytest.raises(TrainingError, match=why):
            second.leave(TrainingError(why))
    said = f"process 1: {why}" if why else "process 0 of 2 has lost another"
    with pytest.raises(TrainingError, match=said):
        first.leave(dist.DistNetworkError("Connection closed by peer"))
    with pytest.raises(KeyError):  # a mistake of ours shows where it is
        second.leave(KeyError("x"))


FULL_DISK = 'test $RANK -gt 0 || ulimit -f 100; exec "$@"'


@pytest.mark.full
def test_a_full_disk_under_the_first_is_told_once(tmp_path):
    program = [sys.executable, *PROGRAM, "--max-steps", "5", "--runs-dir", tmp_path]
    done = python(*TORCHRUN, "--no-python", "bash", "-c", FULL_DISK, "bash", *program)
    assert "of 10,000)" in done.stdout
    assert done.returncode == 1
    (said,) = [line for line in done.stderr.splitlines() if "training failed" in line]
    assert "no checkpoint in" in said


@pytest.mark.full
def test_started_by_hand_too_a_failure_of_the_first_alone_is_told_once(tmp_path):
    """There the store of all goes with it."""
    program = [*PROGRAM, "--max-steps", "5", "--runs-dir", tmp_path]
    limited = ["-c", "import os, sys; os.execvp('bash', sys.argv[1:])", "bash", "-c"]
    limited += [FULL_DISK, "bash", sys.executable, *program]
    port = free_port()
    both = [start(*limited, env=as_a_cluster(rank, port)) for rank in range(2)]
    out, err = both[0].communicate(timeout=120)
    assert both[1].communicate(timeout=60) == ("", "")
    assert [process.returncode for process in both] == [1, 1]
    assert "of 10,000)" in out
    assert err.splitlines()[-1].startswith("training failed: no checkpoint in")


OTHERWISE = [
    (["--config", "gone.toml"], [], "error: cannot read gone.toml: No such file"),
    (["--runs-dir", "/dev/null"], [], "error: cannot make a run folder in '/dev/null"),
    (
        [],
        ["--optim.lr", "0.1"],
        "error: process 0 has optim.lr = 0.02, process 1 has optim.lr = 0.1: ",
    ),
    ([], ["--resume", "gone"], "error: process 1: there is no run 'gone'"),
    ([], ["--epocs", "1"], "error: process 1: its command line is not that of process"),
    ([], ["--device", "tpu"], "error: process 1: device 'tpu' is not there"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("one", "other", "said"), full(*OTHERWISE, first=0))
def test_one_that_was_started_otherwise_ends_all_in_one_sentence(
    tmp_path, one, other, said
):
    port, where = free_port(), ["--runs-dir", tmp_path]
    first = start(*PROGRAM, *where, *one, env=as_a_cluster(0, port))
    second = start(*PROGRAM, *where, *other, env=as_a_cluster(1, port))
    _, err = first.communicate(timeout=60)
    assert second.communicate(timeout=60) == ("", "")
    assert (first.returncode, second.returncode) == (2, 2)
    assert err.startswith(said)
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "local", "devices", "wanted"),
    [("auto", "1", 2, "cuda:1"), ("auto", "1", 1, ""), ("cuda:0", "0", 2, "")],
)
def test_each_process_has_an_accelerator_of_its_own_or_is_refused(
    monkeypatch, name, local, devices, wanted
):
    monkeypatch.setenv("LOCAL_RANK", local)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: devices)
    monkeypatch.setattr(torch.accelerator, "set_device_index", lambda index: None)
    asked = torch.device("cuda" if name == "auto" else name)
    if wanted:
        assert Processes(1, 2).own_device(asked) == torch.device(wanted)
        return
    with pytest.raises(UserError, match=f"here (is|are) {devices}: start as many"):
        Processes(1, 2).own_device(asked)
