"""Run folders: each run gets one of its own."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from torchbasics import runs
from torchbasics.errors import UserError


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


def test_a_home_that_nobody_has_is_a_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert runs.create("~nosuchuser/x", "mnist", "a").is_dir()
    with pytest.raises(UserError, match="there is no run in '~nosuchuser/y' yet"):
        runs.find("latest", "~nosuchuser/y")


class TestLock:
    def test_a_folder_is_held_by_one_at_a_time(self, tmp_path):
        with (
            runs.locked(tmp_path),
            pytest.raises(UserError, match="in use by another process"),
            runs.locked(tmp_path),
        ):
            pass

    def test_it_is_free_afterwards(self, tmp_path):
        for _ in range(2):
            with runs.locked(tmp_path):
                pass


class TestManifest:
    def test_it_says_what_ran_and_nothing_of_the_environment(
        self, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("MY_TOKEN", "a-secret-value")
        runs.write_manifest(tmp_path, runs.new_manifest("mnist", "lesson", 3))
        manifest = runs.read_manifest(tmp_path)
        assert (manifest["kind"], manifest["name"], manifest["seed"]) == (
            *("mnist", "lesson"),
            3,
        )
        assert manifest["versions"]["torch"]
        assert "a-secret-value" not in (tmp_path / "manifest.json").read_text()

    @pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"started": 3}', None])
    def test_what_is_no_manifest_is_refused(self, tmp_path, text):
        if text is not None:
            (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(UserError, match="is no run"):
            runs.read_manifest(tmp_path)


class TestFind:
    def make(self, root, name, started):
        folder = root / "mnist" / name
        folder.mkdir(parents=True)
        runs.write_manifest(folder, {"name": name, "started": started})
        return folder

    def test_latest_is_the_one_started_last_whatever_its_name(self, tmp_path):
        newest = self.make(tmp_path, "a", "2026-02-01T00:00:00")
        self.make(tmp_path, "z", "2026-01-01T00:00:00")
        (tmp_path / "mnist" / "no-run").mkdir()
        assert runs.find("latest", str(tmp_path)) == newest

    def test_a_runs_config_goes_by_the_runs_name(self, tmp_path):
        folder = self.make(tmp_path, "lesson", "2026-02-01T00:00:00")
        assert runs.config_name(folder / "config.toml") == "lesson"
        assert runs.config_name(tmp_path / "my.toml") == "my"

    @pytest.mark.parametrize(
        "name", ["my try (1)", "-1", "(", ".hidden", "\ud55c \uae00"]
    )
    def test_a_config_of_any_name_gives_one_a_folder_can_have(self, tmp_path, name):
        assert runs.is_name(runs.config_name(tmp_path / f"{name}.toml"))


def test_the_address_of_tensorboard_on_a_compute_instance(tmp_path):
    file = tmp_path / "nbvm"
    assert "localhost:6006" in runs.tensorboard_address(file)
    file.write_text("instance=my-ci\ndomainsuffix=koreacentral.instances.azureml.ms\n")
    address = "https://my-ci-6006.koreacentral.instances.azureml.ms/"
    assert runs.tensorboard_address(file) == address
