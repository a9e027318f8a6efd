"""Files that somebody made: each has a valid digest, and none is believed.

Every field of every kind of file, and every tensor, is spoiled in turn; the real
commands answer in one line that names the file and the field, and change nothing.
"""

import json
import os
import resource
import shutil
import sys
from pathlib import Path

import pytest
import torch
from helpers import manifest, train_on

from torchbasics import data
from torchbasics.command import runs
from torchbasics.command.errors import UserError
from torchbasics.command.manifest import ManifestSchema
from torchbasics.command.settings import from_table
from torchbasics.data import ImageDataset
from torchbasics.mnist import evaluate, seeds
from torchbasics.mnist.__main__ import main as train
from torchbasics.mnist.config import Config
from torchbasics.mnist.training import checkpoint, series
from torchbasics.mnist.training.checkpoint import Checkpoint, CheckpointManager
from torchbasics.mnist.training.metrics import MetricsLine
from torchbasics.mnist.training.setup import Splits

pytestmark = pytest.mark.slow

OLD = Path(__file__).parent.parent.parent / "data" / "old_run"
(KEPT,) = CheckpointManager(OLD).paths()
STATE = checkpoint.read(KEPT)
LINE = json.loads((OLD / "metrics.jsonl").read_text())
MISSING = object()
MAX_MEMORY = 300 * 2**20  # over what the imports take
NUMBERS = (True, -1, float("nan"), float("inf"), "1", None, [], {"a": 1})
ODD = {
    int: (*NUMBERS, 1.5, 10**30),
    float: (*NUMBERS, 10**400),
    str: (True, 1, None, [], {"a": 1}),
    list: (True, 1, "x", None, {"a": 1}, [None], [[1]]),
    dict: (True, 1, "x", None, [1], {"a": [1]}),
}
"""What a field of this type can not be; JSON and we tell true from 1."""


def spoiled(table, *, required=True):
    """Each field with each thing it cannot be; each field missing; one too many."""
    for key, value in table.items():
        odd = ODD[type(value)] if not isinstance(value, bool) else (1, "x", None, [])
        for wrong in (*odd, *([MISSING] if required else [])):
            changed = {name: item for name, item in table.items() if name != key}
            yield key, changed if wrong is MISSING else changed | {key: wrong}
    yield "strange", table | {"strange": 1}


def deep(config):
    """The same for each setting of each group of a configuration."""
    for key, value in config.items():
        inner = spoiled(value, required=False) if isinstance(value, dict) else ()
        yield from ((f"{key}.{name}", config | {key: more}) for name, more in inner)
    yield from spoiled(config, required=False)


def tensors_spoiled():
    """Each tensor missing, of another shape or type, empty, or with a NaN."""
    for name, tensor in sorted(STATE.tensors.items()):
        wrong = {
            "missing": None,
            "shape": tensor.new_zeros(*tensor.shape, 2),
            "type": tensor.to(torch.float64 if tensor.dim() else torch.int32),
            "empty": tensor.new_zeros(0),
        }
        if tensor.is_floating_point():
            wrong["nan"] = torch.full_like(tensor, torch.nan)
            wrong["infinite"] = torch.full_like(tensor, -torch.inf)
        if name.endswith((".exp_avg_sq", ".running_var", ".losses", ".step", "ked")):
            wrong["negative"] = torch.full_like(tensor, -1)
        for other in wrong.values():
            rest = {key: value for key, value in STATE.tensors.items() if key != name}
            yield name, rest if other is None else rest | {name: other}
    yield "model.more", STATE.tensors | {"model.more": torch.zeros(1)}
    adam = STATE.tensors | {"optimizer.logits.bias.max": torch.zeros(10)}
    yield "optimizer.logits.bias.max", adam


@pytest.fixture(scope="module", autouse=True)
def _memory():
    """What is refused is refused before it fills the memory."""
    before = most_memory()
    yield
    assert most_memory() - before < MAX_MEMORY


def most_memory():
    """The most that this process ever held, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.fixture(scope="module")
def at_hand(mnist):
    """MNIST read once: a command that is about to refuse needs no more."""
    images, test = (ImageDataset(*split) for split in mnist)
    with pytest.MonkeyPatch.context() as patch:
        train_on(Splits(images, None, test), patch)
        yield


@pytest.fixture
def run(tmp_path, at_hand):
    """A run that was stopped within an epoch, to be spoiled."""
    return shutil.copytree(OLD, tmp_path / "run")


def refused(capsys, main, argv, file, field):
    """The command ends with status 2 and one line that names file and field."""
    capsys.readouterr()
    assert main(list(map(str, argv))) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert str(file) in err
    assert field in err
    assert len(err) < 1500


def write_state(run, tensors, metadata):
    path = run / "checkpoints" / KEPT.name
    checkpoint.write(path, Checkpoint(tensors, metadata))
    return path


MANIFEST = json.loads((OLD / "manifest.json").read_text()) | {"number": 1}
OPTIONAL = ("number", "device", "threads", "data")
RESULT = {
    "config": "short", "settings": {"seed": 0}, "platform": "Linux",
    "versions": {"torch": "2.10"}, "error": {"0": 2.5}, "mean": 2.5, "sd": 0.5,
    "committee": 2.5, "seconds": {"0": 1.5}, "misclassified": {"0": [3]},
}  # fmt: skip


FAIR_RESULT = [("sd", None), ("settings", {"a": [1]})]


def by_field(cases, fair=lambda field, wrong: False):
    """Each field with one thing that it cannot be, in `full` with each."""
    fields = {}
    for field, table in cases:
        if not fair(field, table.get(field, MISSING)):
            fields.setdefault(field, []).append(table)
    chosen = [  # for each field another kind than for the one before
        pytest.param(field, [tables[number % len(tables)]], id=field)
        for number, (field, tables) in enumerate(fields.items())
    ]
    every = [
        pytest.param(field, tables, id=f"{field}, all", marks=pytest.mark.full)
        for field, tables in fields.items()
    ]
    return chosen + every


def is_optional(field, wrong):
    """What an older or another run may leave out, in a manifest."""
    return wrong is MISSING and field in ("number", "device", "threads", "data")


def is_statistic(field, wrong):
    """What a layer or a loss may be, in a line of metrics."""
    if field in ("loss/train", "time/images_per_s", "accuracy/train"):
        fine = {"loss/train": (None,), "time/images_per_s": (None,)}
        return wrong in fine.get(field, ())
    fine = (None, -1) if field.startswith("activation_mean/") else (None,)
    return "/" in field and (wrong in fine or wrong is MISSING)


@pytest.mark.parametrize(("name", "states"), by_field(tensors_spoiled()))
def test_each_tensor_is_compared_before_it_is_used(run, capsys, name, states):
    for tensors in states:
        path = write_state(run, tensors, STATE.metadata)
        if name.startswith(("model.", "ema.")):
            refused(capsys, evaluate.main, [run], path, name)
        else:
            refused(capsys, train, ["--resume", run], path, name)


@pytest.mark.parametrize(("field", "tables"), by_field(spoiled(STATE.metadata)))
def test_each_fact_of_a_checkpoint_is_checked(run, capsys, field, tables):
    for metadata in tables:
        path = write_state(run, STATE.tensors, metadata)
        refused(capsys, evaluate.main, [run], path, field)


@pytest.mark.parametrize("facts", [{"step": 46}, {"step": 61}, {"epoch_hits": 30_001}])
def test_counters_no_such_run_can_have_are_refused(run, capsys, facts):
    path = (
        run / "checkpoints" / f"step-{(STATE.metadata | facts)['step']:08d}.safetensors"
    )
    (run / "checkpoints" / KEPT.name).unlink()
    checkpoint.write(path, Checkpoint(STATE.tensors, STATE.metadata | facts))
    refused(
        capsys, train, ["--resume", run], path, "step" if "step" in facts else "hits"
    )


def test_a_state_of_another_run_is_refused(run, capsys):
    config = STATE.metadata["config"] | {"seed": 1}
    path = write_state(run, STATE.tensors, STATE.metadata | {"config": config})
    refused(capsys, train, ["--resume", run], path, "config: seed = 0")


@pytest.mark.parametrize(
    ("field", "tables"), by_field(deep(Config().model_dump(mode="json")))
)
def test_each_setting_is_checked_wherever_it_is_read(run, capsys, field, tables):
    """In a checkpoint; a config file is checked by the same lines, see below."""
    for config in tables:
        path = write_state(run, STATE.tensors, STATE.metadata | {"config": config})
        refused(capsys, evaluate.main, [run], path, field)


@pytest.mark.parametrize("words", [["--config"], ["--resume"]])
@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("line 1 has 5,009", f"seed = 0x{'f' * 5000}"),
        ("epochs", f"epochs = {'9' * 400}"),
        ("self", "self = 1"),
        ("__class__", "__class__ = 1"),
        ("line 2 has 60,011", f"[model]\nhidden = [{'1, ' * 20_000}]"),
        ("model.hidden", f"[model]\nhidden = [{'1, ' * 201}]"),
        ("weights", "[model]\nhidden = [99999, 99999]"),
        ("TOML", "seed = " + "[" * 5000),
        ("seed", "seed = " + "[" * 300 + "]" * 300),
        ("TOML", "seed = " + "9" * 5000),
        ("TOML", "\0"),
        ("optim.lr", "[optim]\nlr = 1e400"),
    ],
)
def test_a_config_without_bounds_is_refused_at_once(run, capsys, words, field, text):
    path = run / "config.toml"
    path.write_text(text)
    place = run if words == ["--resume"] else path
    refused(capsys, train, [*words, place], path, field)


def test_a_place_that_no_folder_can_be_is_refused(tmp_path, capsys):
    for read in (data.load, lambda split, place: runs.create(place, "mnist", "a")):
        with pytest.raises(UserError, match="embedded null byte"):
            read("test", f"{tmp_path}/a\0b")


@pytest.mark.parametrize(("field", "tables"), by_field(spoiled(MANIFEST), is_optional))
def test_each_field_of_a_manifest_is_checked(run, capsys, field, tables):
    for table in tables:
        (run / "manifest.json").write_text(json.dumps(table))
        refused(capsys, train, ["--resume", run], run / "manifest.json", field)


@pytest.mark.parametrize(("field", "tables"), by_field(spoiled(LINE), is_statistic))
def test_each_number_of_a_line_of_metrics_is_checked(run, capsys, field, tables):
    for line in tables:
        (run / "metrics.jsonl").write_text(json.dumps(line) + "\n")
        refused(capsys, train, ["--resume", run], run / "metrics.jsonl", field)


@pytest.mark.parametrize(
    ("field", "tables"),
    by_field(spoiled(RESULT), lambda f, w: (f, w) in FAIR_RESULT),
)
def test_each_field_of_a_series_result_is_checked(
    run, capsys, monkeypatch, field, tables
):
    monkeypatch.setattr(seeds, "train_seeds", lambda *_: pytest.fail("it trains"))
    (run / "manifest.json").write_text(json.dumps(manifest(kind="seeds", seeds=[0])))
    for result in tables:
        (run / "result.json").write_text(json.dumps(result))
        refused(capsys, seeds.main, ["--resume", run], run / "result.json", field)


def test_what_is_not_spoiled_is_read():
    from_table(ManifestSchema, MANIFEST)
    from_table(MetricsLine, LINE)
    from_table(series.Result, RESULT)


def links_and_pipes():
    """Each file of a run, and each thing that is no file of its own."""
    names = [".lock", "manifest.json", "config.toml", "metrics.jsonl", "checkpoints"]
    names += [f"checkpoints/{KEPT.name}", "hparams", "events.out.tfevents.1"]
    for name in names:
        yield from ((name, how) for how in ("link", "pipe", "zero", "giant"))


@pytest.mark.skipif(sys.platform == "win32", reason="has no pipes in folders")
@pytest.mark.parametrize(("name", "how"), list(links_and_pipes()))
def test_what_is_no_file_of_the_run_is_neither_read_nor_written(
    run, tmp_path, capsys, name, how
):
    path, victim = run / name, tmp_path / "victim"
    victim.mkdir() if path.is_dir() else victim.write_text("mine")
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    if how == "pipe":
        os.mkfifo(path)
    elif how == "giant":
        path.touch()
        os.truncate(path, 3 * 2**30)
    else:
        path.symlink_to(victim if how == "link" else "/dev/zero")
    refused(capsys, train, ["--resume", run], path, "")
    refused(capsys, evaluate.main, [run], path, "")
    kept = list(victim.iterdir()) if victim.is_dir() else victim.read_text()
    assert kept in ([], "mine")


def test_latest_passes_over_what_is_no_run(run, tmp_path):
    for name in ("a", "b"):
        (tmp_path / "mnist" / name).mkdir(parents=True)
    os.mkfifo(tmp_path / "mnist" / "a" / "manifest.json")
    run.rename(tmp_path / "mnist" / "run")
    found = runs.find_run("latest", str(tmp_path), "mnist")
    assert found == tmp_path / "mnist" / "run"


@pytest.mark.parametrize("name", ["pipe", "/dev/zero", "/dev/stdin"])
def test_a_config_that_is_no_file_is_refused(tmp_path, capsys, name, at_hand):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "my.toml").symlink_to(tmp_path / name)
    refused(capsys, train, ["--config", tmp_path / "my.toml"], "my.toml", "no")


def test_deep_networks_are_refused_from_a_command_line_too(at_hand, capsys):
    words = ["--model.hidden", *["1"] * 201]
    refused(capsys, train, words, "model.hidden", "at most 200 items, not 201")
