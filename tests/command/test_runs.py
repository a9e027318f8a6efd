"""Run folders: each run gets one of its own."""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_type_hints

import pytest
from helpers import manifest, no_space
from pydantic import TypeAdapter, ValidationError

from torchbasics.command import files, runs
from torchbasics.command.errors import UserError
from torchbasics.command.manifest import ManifestSchema
from torchbasics.mnist.training.series import ByIndex


def test_a_folder_says_what_ran_with_which_seed_and_when(tmp_path):
    folder = runs.create(str(tmp_path), "mnist", "lesson-s7")
    assert folder.parent == tmp_path / "mnist"
    assert re.fullmatch(r"lesson-s7-\d{8}T\d{6}Z(-\d+)?", folder.name)
    assert folder.is_dir()


def test_runs_that_start_together_get_folders_of_their_own(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        jobs = [
            pool.submit(runs.create, str(tmp_path), "mnist", "lesson-s0")
            for _ in range(40)
        ]
    assert len({job.result() for job in jobs}) == 40


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot make a run folder in .*--runs-dir"):
        runs.create(str(tmp_path / "file"), "mnist", "lesson-s0")
    with pytest.raises(UserError, match=r"in '[^(]*' \(Not a directory\): choose"):
        runs.create(str(tmp_path / "file"), "mnist", "lesson-s0")


DESCRIBED = ("seed = 3", manifest(name="a", started="2026-01-01"))


def test_a_folder_is_there_with_what_describes_it_and_flushed(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(files.os, "fsync", lambda fd: flushed.append(name_of(fd)))
    folder = runs.create(str(tmp_path / "runs"), "mnist", "a", *DESCRIBED)
    assert (folder / "config.toml").read_text() == "seed = 3"
    assert runs.read_manifest(folder)["kind"] == "mnist"
    files_flushed = {name.split(".")[1] for name in flushed if name[0] == "."}
    assert {"config", "manifest"} <= files_flushed
    assert flushed[-2:] == ["mnist", "runs"]
    assert {path.name for path in folder.parent.iterdir()} == {".lock", folder.name}


def name_of(descriptor):
    """The name of an open file."""
    return Path(f"/proc/self/fd/{descriptor}").readlink().name


def test_a_folder_that_cannot_be_described_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(files.os, "fsync", no_space)
    with pytest.raises(UserError, match=r"cannot make a run folder .*No space left"):
        runs.create(str(tmp_path), "mnist", "a", *DESCRIBED)
    assert [path.name for path in (tmp_path / "mnist").iterdir()] == [".lock"]


def test_a_folder_that_a_kill_left_half_made_is_no_run_and_is_swept(tmp_path):
    first = runs.create(str(tmp_path), "mnist", "a", *DESCRIBED)
    half = files.part_of(first)
    shutil.copytree(first, half)
    runs.write_manifest(half, manifest(name="a", started="2027-01-01"))
    assert runs.find_run("latest", str(tmp_path), "mnist") == first
    second = runs.create(str(tmp_path), "mnist", "a", *DESCRIBED)
    found = {path for path in (tmp_path / "mnist").iterdir() if path.is_dir()}
    assert found == {first, second}


def test_a_home_that_nobody_has_is_a_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert runs.create("~nosuchuser/x", "mnist", "a").is_dir()
    with pytest.raises(UserError, match="there is no run in '~nosuchuser/y' yet"):
        runs.find_run("latest", "~nosuchuser/y", "mnist")


class TestLock:
    def test_a_folder_is_held_by_one_at_a_time(self, tmp_path):
        with (
            runs.locked(tmp_path),
            pytest.raises(UserError, match="in use by another process"),
            runs.locked(tmp_path),
        ):
            pass

    def test_what_a_dead_owner_left_is_swept_by_the_next_and_only_by_it(self, tmp_path):
        places = (tmp_path, tmp_path / "checkpoints", tmp_path / "mnist" / "a run")
        left = [place / f".manifest.json.{8 * '0'}" for place in places]
        for path in left:
            path.parent.mkdir(parents=True, exist_ok=True)
        with runs.locked(tmp_path):
            for path in left:
                path.touch()
            with pytest.raises(UserError), runs.locked(tmp_path):
                pass
            assert [path.exists() for path in left] == [True, True, True]
        with runs.locked(tmp_path):  # the run in a series has an owner of its own
            assert [path.exists() for path in left] == [False, False, True]

    def test_it_is_free_afterwards(self, tmp_path):
        for _ in range(2):
            with runs.locked(tmp_path):
                pass

    @pytest.fixture
    def holder(self, tmp_path):
        """Another process that holds the lock until it is ended."""
        script = "import pathlib, sys, time; from torchbasics.command import runs\n"
        script += "with runs.locked(pathlib.Path(sys.argv[1])):\n"
        script += "    print('held', flush=True)\n    time.sleep(60)\n"
        words = [sys.executable, "-c", script, str(tmp_path)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "held\n"
            yield process
            process.kill()

    def test_another_process_is_refused_until_a_kill_frees_it(self, tmp_path, holder):
        refusal = pytest.raises(UserError, match=r"is in use by another process$")
        with refusal, runs.locked(tmp_path):
            pass
        holder.kill()
        assert holder.wait() == -signal.SIGKILL
        with runs.locked(tmp_path):
            pass

    def test_it_is_a_real_lock_whatever_file_of_its_name_lies_there(self, tmp_path):
        (tmp_path / ".lock").write_text("left by a kill")
        with runs.locked(tmp_path):
            pass

    def test_what_fails_inside_frees_it_too(self, tmp_path):
        with pytest.raises(ZeroDivisionError), runs.locked(tmp_path):
            raise ZeroDivisionError
        with runs.locked(tmp_path):
            pass

    def test_a_file_system_without_locks_is_trusted(self, tmp_path, monkeypatch):
        def unknown(*args, **options):
            raise NotImplementedError

        monkeypatch.setattr(files.FileLock, "acquire", unknown)
        with runs.locked(tmp_path):
            pass

    def test_a_folder_that_cannot_be_written_to_is_named(self, tmp_path, monkeypatch):
        def refuse(*args, **options):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(files.FileLock, "acquire", refuse)
        refusal = pytest.raises(UserError, match=r"cannot write to .* \(Permission")
        with refusal, runs.locked(tmp_path):
            pass

    @pytest.mark.skipif(not Path("/usr/bin/setpriv").exists(), reason="needs setpriv")
    def test_what_is_another_users_is_no_traceback(self, tmp_path):
        """A classroom's folder of runs: its lock may be used, but not written to."""
        (tmp_path / "mnist").mkdir()
        (tmp_path / "mnist" / ".lock").touch(0o444)
        (tmp_path / "closed").mkdir(0)
        script = """
import sys
from torchbasics.command import errors, runs
print(runs.create(sys.argv[1], "mnist", "lesson"))
try: runs.find_run(sys.argv[1] + "/closed", "", "mnist")
except errors.UserError as error: print(error)
"""
        words = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        words = [] if os.geteuid() else words  # root may all, but for this
        words += [sys.executable, "-c", script, str(tmp_path)]
        made, refused = subprocess.check_output(words, text=True).splitlines()
        assert Path(made).is_dir()
        assert refused.endswith("closed: Permission denied")


class TestManifest:
    def test_it_says_what_ran_and_nothing_of_the_environment(
        self, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("MY_TOKEN", "a-secret-value")
        runs.write_manifest(tmp_path, runs.new_manifest("mnist", "lesson", 3))
        read = runs.read_manifest(tmp_path)
        assert [read[key] for key in ("kind", "name", "seed")] == ["mnist", "lesson", 3]
        assert read["versions"]["torch"]
        assert "a-secret-value" not in (tmp_path / "manifest.json").read_text()

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            *[(text, "is no run: it holds no manifest") for text in ("", "{", None)],
            *[("[" * 100_000, "is no run"), ("[]", r"\[\] is no table of settings")],
            *[("{}", "kind is missing"), ('{"kind": 3}', "kind = 3: it must be a")],
        ],
    )
    def test_what_is_no_manifest_is_refused(self, tmp_path, text, said):
        if text is not None:
            (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(UserError, match=said):
            runs.read_manifest(tmp_path)


class TestFindRun:
    def make(self, root, name, started):
        folder = root / "mnist" / name
        folder.mkdir(parents=True)
        runs.write_manifest(folder, manifest(name=name, started=started))
        return folder

    def test_latest_is_the_one_started_last_whatever_its_name(self, tmp_path):
        newest = self.make(tmp_path, "a", "2026-02-01T00:00:00")
        self.make(tmp_path, "z", "2026-01-01T00:00:00")
        (tmp_path / "mnist" / "no-run").mkdir()
        assert runs.find_run("latest", str(tmp_path), "mnist") == newest

    def test_a_run_of_another_kind_is_never_the_latest(self, tmp_path):
        self.make(tmp_path, "a", "2026-02-01T00:00:00")
        with pytest.raises(UserError, match=r"no run in .* yet: --runs-dir says where"):
            runs.find_run("latest", str(tmp_path), "seeds")

    def test_a_folder_is_found_by_its_path_and_none_else(self, tmp_path):
        folder = self.make(tmp_path, "a", "2026-02-01T00:00:00")
        assert runs.find_run(str(folder), "nowhere", "mnist") == folder
        with pytest.raises(UserError, match=r"there is no run 'gone': give its folder"):
            runs.find_run("gone", str(tmp_path), "mnist")

    @pytest.mark.parametrize(("kind", "name"), [("mnist", "a"), ("seeds", "")])
    def test_a_run_goes_on_with_the_command_of_its_kind(self, tmp_path, kind, name):
        runs.write_manifest(tmp_path, manifest(name="a"))
        if name:
            assert runs.run_name(tmp_path, kind) == name
        else:
            with pytest.raises(UserError, match="of the kind 'mnist', not 'seeds'"):
                runs.run_name(tmp_path, kind)

    def test_a_runs_config_goes_by_the_runs_name(self, tmp_path):
        folder = self.make(tmp_path, "lesson", "2026-02-01T00:00:00")
        assert runs.config_name(folder / "config.toml") == "lesson"
        assert runs.config_name(tmp_path / "my.toml") == "my"

    @pytest.mark.parametrize(
        "name", ["my try (1)", "-1", "(", ".hidden", "\ud55c \uae00"]
    )
    def test_a_config_of_any_name_gives_one_a_folder_can_have(self, tmp_path, name):
        given = runs.config_name(tmp_path / f"{name}.toml")
        folder = self.make(tmp_path, given, "2026-02-01T00:00:00")
        assert runs.read_manifest(folder)["name"] == given


def test_the_address_of_tensorboard_on_a_compute_instance(tmp_path):
    file = tmp_path / "nbvm"
    assert runs.instance_address(6006, file) == ""
    file.write_text("instance=my-ci\ndomainsuffix=koreacentral.instances.azureml.ms\n")
    address = "https://my-ci-6006.koreacentral.instances.azureml.ms/"
    assert runs.instance_address(6006, file) == address


@pytest.mark.skipif(sys.platform == "win32", reason="flock is not there")
class TestWhatALockAnswers:
    def answer(self, monkeypatch, number):
        def flock(*_):
            raise OSError(number, "what the file system says")

        monkeypatch.setattr("fcntl.flock", flock)

    @pytest.mark.parametrize("number", [errno.EACCES, errno.EAGAIN])
    def test_held_by_another(self, tmp_path, monkeypatch, number):
        self.answer(monkeypatch, number)
        refusal = pytest.raises(UserError, match="in use by another process")
        with refusal, runs.locked(tmp_path):
            pass

    @pytest.mark.parametrize(
        "number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTSUP]
    )
    def test_no_locks_there_is_told_once(self, tmp_path, monkeypatch, capsys, number):
        self.answer(monkeypatch, number)
        with runs.locked(tmp_path):
            pass
        assert capsys.readouterr().err.count("cannot be locked") == 1


def test_latest_goes_by_number_where_the_clock_was_set_back(tmp_path):
    place = str(tmp_path)
    old = manifest(started="2026-01-01T00:00:00+00:00")
    first = runs.create(place, "mnist", "a", "", manifest())
    runs.create(place, "seeds", "b", "", manifest(kind="seeds"))
    last = runs.create(place, "mnist", "c", "", old)
    numbers = [runs.read_manifest(folder)["number"] for folder in (first, last)]
    assert numbers == [1, 3]
    assert runs.find_run("latest", place, "mnist") == last


def test_a_run_has_a_number_that_there_may_be(tmp_path):
    folder = runs.create(str(tmp_path), "mnist", "a", "", manifest())
    for number in (10**9, 2**53, -1, 1.5):
        runs.write_manifest(folder, manifest(number=number))
        with pytest.raises(UserError, match="number"):
            runs.read_manifest(folder)
    runs.write_manifest(folder, manifest(number=10**9 - 1, started="2026-01-01"))
    last = runs.create(str(tmp_path), "mnist", "b", "", manifest(started="2026-01-02"))
    assert runs.find_run("latest", str(tmp_path), "mnist") == last


@pytest.mark.parametrize(
    ("form", "most"),
    [
        (get_type_hints(ManifestSchema, include_extras=True)["seeds"], 10**9),
        (ByIndex, 10_000),
    ],
)
def test_of_a_long_list_that_is_wrong_only_the_first_is_looked_at(form, most):
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(form).validate_python(("x",) * min(most, 50_000))
    assert raised.value.error_count() == 1
