"""To a compute instance, to jobs, into a container: no command there is made up."""

import json
import re
import runpy
import shlex
import subprocess
import sys
from contextlib import nullcontext
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from helpers import metrics_line

import torchbasics.__main__ as course
from torchbasics.command import cli, settings
from torchbasics.mnist.__main__ import main as train
from torchbasics.mnist.config import Config
from torchbasics.mnist.subjects import PageOptions
from torchbasics.mnist.training.setup import require_equal_parts

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
AZURE = ROOT / "configs" / "azure"
GUIDES = ["README.md", "README.ko.md"]
YAML = sorted(path.name for path in AZURE.glob("*.yml"))
BLOCK_LINE = re.compile(r"^    (.*\S)$", re.M)
OURS = re.compile(
    r"(?:python|torchrun --[^|&;`\n]*) -m (torchbasics[\w.]*)((?: [^&|;`\n]+)?)"
)

# The keys that azure-ai-ml 1.35.2's schemas know, which are the published ones.
KEYS = {
    "environment": """
        auto_delete_setting build conda_file datastore description id image
        inference_config name os_type tags version""",
    "commandJob": """
        code command compute description display_name distribution environment
        environment_variables experiment_name identity inputs limits name outputs
        parent_job_name properties queue_settings resources services tags type""",
    "services": "log_dir nodes port properties type",
}


def read(path):
    """The text of a file of the project."""
    return (ROOT / path).read_text(encoding="utf-8")


def spec(name):
    """What a YAML file says."""
    return yaml.safe_load((AZURE / name).read_text(encoding="utf-8"))


def commands(text):
    """The module and the words of each command of ours in a text."""
    return [(module, shlex.split(words)) for module, words in OURS.findall(text)]


def in_guides(pattern):
    """What the lines of the guides' blocks have of a pattern, each guide's own."""
    for name in GUIDES:
        lines = BLOCK_LINE.findall((AZURE / name).read_text(encoding="utf-8"))
        yield [found for line in lines for found in pattern(line)]


TEXTS = {
    **{name: spec(name).get("command", "") for name in YAML},
    **{name: "\n".join(BLOCK_LINE.findall((AZURE / name).read_text(encoding="utf-8")))
       for name in GUIDES},
    "Dockerfile": " ".join(json.loads(read("Dockerfile").rpartition("CMD ")[2])),
}  # fmt: skip
COMMANDS = [(source, *one) for source, text in TEXTS.items() for one in commands(text)]


def test_commands_are_found():
    found = {source for source, *_ in COMMANDS}
    assert found == {"job.yml", "job-distributed.yml", "Dockerfile", *GUIDES}
    assert len(COMMANDS) > 10


@pytest.mark.slow
@pytest.mark.parametrize(("source", "module", "argv"), COMMANDS)
def test_our_own_parser_takes_each_command(
    source, module, argv, capsys, monkeypatch, tmp_path
):
    assert source in TEXTS
    monkeypatch.chdir(tmp_path)
    if module == "torchbasics":
        course.parse(argv, "")
    elif module == "torchbasics.mnist.report":
        cli.parse_options(PageOptions(), argv, prog=module, about="")
    elif "latest" in argv:
        assert train(argv) == 2
        assert "there is no run" in capsys.readouterr().err
    else:
        assert module == "torchbasics.mnist"
        assert train([*argv, "--print-config"]) == 0
        said = tomllib.loads(capsys.readouterr().out)
        if "--runs-dir" in argv:
            assert said["runs_dir"] == argv[argv.index("--runs-dir") + 1]


def test_both_guides_give_the_same_lines():
    english, korean = in_guides(lambda line: [line])
    assert english == korean
    assert len(english) > 30


def test_no_guide_opens_tensorboard_to_all():
    english, _ = in_guides(lambda line: [line])
    served = [line for line in english if "tensorboard --logdir" in line]
    assert len(served) == 2
    assert not [line for line in english if "bind_all" in line]
    for line in served:
        assert "--host" not in line or "-p 127.0.0.1:" in line


@pytest.mark.parametrize("guide", GUIDES)
def test_what_a_guide_links_to_and_names_is_there(guide):
    text = (AZURE / guide).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([\w./-]+)\)", text):
        assert (AZURE / link).exists(), link
    for path in re.findall(r"configs/azure/[\w.-]+", text):
        assert (ROOT / path).exists(), path
    for name in re.findall(r"`(ciresan\d+|srivastava[\w-]+|fast\d+)`", text):
        assert name in settings.shipped_configs()


@pytest.mark.parametrize("name", YAML)
def test_the_platform_knows_each_key(name):
    said = spec(name)
    kind = re.fullmatch(
        r"https://azuremlschemas\.azureedge\.net/latest/(\w+)\.schema\.json",
        said.pop("$schema"),
    )[1]
    assert set(said) <= set(KEYS[kind].split())
    for service in said.get("services", {}).values():
        assert set(service) <= set(KEYS["services"].split())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", YAML)
def test_the_platforms_own_package_takes_each_file(name):
    ml = pytest.importorskip("azure.ai.ml")
    load = ml.load_job if "command" in spec(name) else ml.load_environment
    load(AZURE / name)


def test_the_job_shows_and_keeps_what_it_trains():
    job = spec("job.yml")
    assert (AZURE / job["code"]).resolve() == ROOT
    (argv,) = (argv for _, argv in commands(job["command"]))
    runs_dir = argv[argv.index("--runs-dir") + 1]
    assert Path(runs_dir).parts[0] == "outputs"  # which the platform keeps
    assert job["services"]["tensorboard"]["log_dir"] == runs_dir
    assert job["environment"] == f"azureml:{spec('environment.yml')['name']}@latest"


def test_the_distributed_job_is_what_its_processes_understand():
    """They are PyTorch's, they can share a batch, and their command starts again."""
    job, guide = spec("job-distributed.yml"), read("configs/azure/README.md")
    assert "(job-distributed.yml)" in guide
    assert (AZURE / job["code"]).resolve() == ROOT
    assert job["distribution"]["type"] == "pytorch"
    nodes, each = job["resources"], job["distribution"]
    count = nodes["instance_count"] * each["process_count_per_instance"]
    ((_, argv),) = commands(job["command"])
    assert argv[argv.index("--resume") + 1] == "auto"
    assert argv[argv.index("--runs-dir") + 1] == "${{outputs.runs}}"
    assert job["outputs"]["runs"] == {"type": "uri_folder", "mode": "rw_mount"}
    config = settings.shipped_configs()[argv[argv.index("--config") + 1]]
    require_equal_parts(settings.read_config(Config, config), count)


def test_the_environment_has_what_the_package_needs():
    conda = spec("environment.yml")["conda_file"]["dependencies"]
    packages = conda[-1]["pip"]
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert packages[: len(project["dependencies"])] == project["dependencies"]
    python = next(one for one in conda if str(one).startswith("python="))
    assert project["requires-python"] == f">={python.partition('=')[2]}"


def files():
    """The files that git has, or would take: what a clone has."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("no git here")
    return [
        ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists()
    ]


def test_a_snapshot_leaves_out_what_git_ignores_and_stays_small():
    left_out = read(".amlignore").splitlines()
    assert set(read(".gitignore").splitlines()) <= set(left_out)
    assert {"/runs/", "/outputs/"} <= set(left_out)
    kept = files()
    assert len(kept) < 2000
    assert sum(path.stat().st_size for path in kept) < 300e6
    for needed in ("torchbasics", "configs", "pyproject.toml"):
        assert not [line for line in left_out if line.strip("/") == needed]


def test_configs_for_the_cloud_are_no_recipes():
    assert not {path.stem for path in AZURE.iterdir()} & set(settings.shipped_configs())
    data = tomllib.loads(read("pyproject.toml"))["tool"]["setuptools"]["package-data"]
    assert data["torchbasics.configs"] == ["*.toml"]


def instructions():
    """The Dockerfile's, without comments, each as one line, by stage."""
    text = re.sub(r"^#.*\n", "", read("Dockerfile"), flags=re.M).replace("\\\n", " ")
    stages = []
    for line in filter(None, text.splitlines()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stages.append([])
        stages[-1].append((word, rest))
    return stages


def test_the_image_is_slim_for_the_cpu_and_runs_as_nobody_special():
    wheel, image = instructions()
    assert [word for word, _ in wheel] == ["FROM", "WORKDIR", "COPY", "RUN"]
    assert all(re.match(r"python:3\.\d+-slim", stage[0][1]) for stage in (wheel, image))
    said = dict(image)
    assert ("ARG", "TORCH_INDEX=https://download.pytorch.org/whl/cpu") in image
    assert said["USER"] != "root"
    words = [word for word, _ in image]
    assert words.index("USER") > words.index("COPY")
    assert words[-1] == "CMD"
    for _, run in ((w, r) for w, r in (*wheel, *image) if w == "RUN" and "pip" in r):
        assert "--no-cache-dir" in run
    assert ("RUN", "mkdir runs") in image[words.index("USER") :]
    home = said["WORKDIR"]
    for guide in in_guides(lambda line: re.findall(r'-v "\$PWD/runs:(\S+)"', line)):
        assert set(guide) == {f"{home}/runs"}


def test_the_build_context_has_what_the_wheel_is_made_of():
    ignored = [line for line in read(".dockerignore").splitlines() if line[:1] != "#"]
    assert ignored[0] == "*"
    kept = {line[1:] for line in ignored if line.startswith("!")}
    assert all((ROOT / name).exists() for name in kept)
    project = tomllib.loads(read("pyproject.toml"))
    assert {"pyproject.toml", "torchbasics", project["project"]["readme"]} <= kept
    assert {*project["tool"]["setuptools"]["package-dir"].values()} <= kept
    licences = {name.partition("/")[0] for name in project["project"]["license-files"]}
    assert licences <= kept


STUDIO = AZURE / "studio.py"


def send(monkeypatch, *words):
    """The exit status of studio.py."""
    monkeypatch.setattr(sys, "argv", [str(STUDIO), *map(str, words)])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(STUDIO), run_name="__main__")
    return left.value.code


class FakeMlflow(ModuleType):
    """What we use of MLflow, noted down."""

    def __init__(self, failing=False):
        super().__init__("mlflow")
        self.__spec__ = ModuleSpec("mlflow", None)  # it can be found
        self.sent, self.failing = [], failing
        self.exceptions = ModuleType("mlflow.exceptions")
        self.exceptions.MlflowException = type("MlflowException", (Exception,), {})

    def start_run(self, run_name):
        self.sent.append(run_name)
        return nullcontext()

    def log_metrics(self, numbers, *, step):
        if self.failing:
            raise self.exceptions.MlflowException("no such workspace")
        self.sent.append((step, numbers))

    def get_tracking_uri(self):
        return "azureml://here"


@pytest.fixture
def some_run(tmp_path):
    """A run of two epochs, the second of which left the numbers."""
    lines = [
        metrics_line(600, epoch=1),
        metrics_line(1200, epoch=2, **{"loss/test": None}),
    ]
    (tmp_path / "lesson-s0").mkdir()
    text = "\n".join(lines) + "\n"
    (tmp_path / "lesson-s0" / "metrics.jsonl").write_text(text, encoding="utf-8")
    return tmp_path / "lesson-s0"


def test_without_mlflow_no_metrics_are_sent_and_nothing_is_said(
    monkeypatch, capsys, some_run
):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert send(monkeypatch, some_run) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("job", "wanted"), [("", "lesson-s0"), ("7b1e", None)])
def test_mlflow_gets_each_epoch_at_its_step(monkeypatch, capsys, some_run, job, wanted):
    """A job's own run keeps its name."""
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    if job:
        monkeypatch.setenv("MLFLOW_RUN_ID", job)
    mlflow = FakeMlflow()
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    assert send(monkeypatch, some_run) == 0
    name, first, second = mlflow.sent
    assert name == wanted
    assert [first[0], second[0]] == [600, 1200]
    assert first[1]["loss/train"] == 0.5
    assert "loss/test" not in second[1]
    assert "azureml://here" in capsys.readouterr().out


@pytest.mark.parametrize("failing", [False, True])
def test_a_job_sends_each_epoch_while_it_trains(
    monkeypatch, capsys, tmp_path, fewer, failing
):
    monkeypatch.setenv("MLFLOW_RUN_ID", "7b1e")
    monkeypatch.setitem(sys.modules, "mlflow", mlflow := FakeMlflow(failing))
    words = ["--epochs", "2", "--monitor.histograms", "0", "--monitor.no-tensorboard"]
    assert train([*words, "--quiet", "--runs-dir", str(tmp_path)]) == 0
    if failing:
        said = "warning: nothing more goes to MLflow: no such workspace\n"
        assert capsys.readouterr().err == said
    else:
        assert [step for step, _ in mlflow.sent] == [10, 20]
        assert {"loss/train", "accuracy/test", "lr"} <= set(mlflow.sent[1][1])


def test_an_mlflow_that_fails_fails_no_job(monkeypatch, capsys, some_run):
    monkeypatch.setitem(sys.modules, "mlflow", FakeMlflow(failing=True))
    assert send(monkeypatch, some_run) == 0
    assert (
        "warning: MLflow did not take the metrics: no such" in capsys.readouterr().err
    )


def test_a_run_that_is_not_there_is_said(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "mlflow", FakeMlflow())
    assert send(monkeypatch, tmp_path / "*") == 2
    assert "error: no metrics to send" in capsys.readouterr().err


DAMAGED = {
    "torn": ('{lines}{{"epoch": 3, "st', ""),
    "no JSON": ("{lines}<html>\n", "line 3 is no JSON"),
    "no numbers": ("{lines}[1]\n", "[1] is no table"),
    "no step": ('{{"a/b": 1}}\n', "epoch is missing"),
    "empty": ("", "has no metrics.jsonl with an epoch"),
}


@pytest.mark.parametrize(("form", "said"), DAMAGED.values(), ids=DAMAGED)
def test_of_several_runs_the_whole_ones_are_sent_and_the_others_named(
    monkeypatch, capsys, some_run, form, said
):
    """A kill may have torn the last line, and anybody may have written the file."""
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    monkeypatch.setitem(sys.modules, "mlflow", mlflow := FakeMlflow())
    other = some_run.with_name("other")
    other.mkdir()
    lines = (some_run / "metrics.jsonl").read_text()
    (other / "metrics.jsonl").write_text(form.format(lines=lines))
    assert send(monkeypatch, other, some_run) == (2 if said else 0)
    out, err = capsys.readouterr()
    assert err.count("\n") == bool(said)
    assert said in err
    assert [sent for sent in mlflow.sent if isinstance(sent, str)][-1] == "lesson-s0"
    assert str(some_run) in out
