"""Settings: what a file says, frozen and checked, or one sentence on why not."""

from pathlib import Path

import pytest

from torchbasics.command import settings
from torchbasics.command.errors import UserError
from torchbasics.lessons.lab.networks import LabConfig
from torchbasics.mnist.config import Config, ModelConfig

PROGRAM = "python -m torchbasics.mnist"
ROOT = Path(__file__).parent.parent.parent


def written(tmp_path, text):
    path = tmp_path / "my.toml"
    path.write_text(text)
    return path


def refused(path):
    with pytest.raises(UserError) as refusal:
        settings.read_config(Config, path)
    return str(refusal.value)


def test_every_field_has_a_description():
    def describe(cls):
        for name, field in cls.model_fields.items():
            if isinstance(field.default, settings.Settings):
                assert field.default.group == name
                describe(type(field.default))
            else:
                assert field.description, name

    describe(Config)


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Config().seed = 3


@pytest.mark.parametrize("name", sorted({*settings.shipped_configs()} - {"vanishing"}))
def test_a_config_written_and_read_is_the_same(tmp_path, name):
    config = settings.read_config(Config, settings.shipped_configs()[name])
    text = settings.to_toml(config, PROGRAM)
    assert text.startswith(f"# {PROGRAM} --config THIS_FILE\n")
    assert settings.read_config(Config, written(tmp_path, text)) == config


def test_each_shipped_config_is_of_the_command_that_it_names():
    recipes = {*settings.shipped_configs()} - {"vanishing"}
    assert {*settings.configs_for(Config)} == recipes
    assert {*settings.configs_for(LabConfig)} == {"vanishing"}


@pytest.mark.parametrize("name", sorted({*settings.shipped_configs()} - {"vanishing"}))
def test_each_recipe_says_how_to_run_it_and_stands_in_the_tables(name):
    text = settings.shipped_configs()[name].read_text(encoding="utf-8")
    assert f" --config {name}" in text
    tables = ("README.md", "README.ko.md", "tests/benchmarks/README.md")
    for table in map(ROOT.joinpath, () if name == "best" else tables):  # of pictures
        assert f"\n| `{name}`" in table.read_text(encoding="utf-8"), table


def test_a_config_of_another_command_is_named_by_its_first_comment(tmp_path):
    text = settings.to_toml(LabConfig(), "python -m torchbasics vanishing")
    said = refused(written(tmp_path, text))
    assert "my.toml is a config of `python -m torchbasics vanishing`: unknown" in said


def test_a_whole_number_will_do_for_a_float(tmp_path):
    path = written(tmp_path, "[optim]\nlr = 1")
    assert settings.read_config(Config, path).optim.lr == 1.0


def test_a_mark_at_the_files_beginning_is_no_mistake(tmp_path):
    path = written(tmp_path, "\ufeffseed = 3")
    assert settings.read_config(Config, path).seed == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[optim]\nlrr = 1", "setting 'optim.lrr'; did you mean 'optim.lr'?"),
        (
            "[optim]\nzzz = 1",
            "setting 'optim.zzz'; there is optim.ema, optim.label_smoothing,",
        ),
        ("sed = 1", "unknown setting 'sed'; did you mean 'seed'?"),
        ("[optm]\nlr = 1", "unknown setting 'optm'; did you mean 'optim'?"),
        ("seed = 1.5", "seed = 1.5: it must be a valid integer"),
        ("seed = true", "seed = True: it must be a valid integer"),
        ("seed = '1'", "seed = '1': it must be a valid integer"),
        ("optim = 3", "optim = 3: it is a table, [optim]"),
        ("[model]\nhidden = 50", "model.hidden = 50: it must be a valid list"),
        ("[model]\nhidden = [5, 'a']", "model.hidden.1 = 'a': it must be a valid"),
        ("precision = 'fp16'", "precision = 'fp16': it must be 'fp32' or 'bf16'"),
        ("seed = ", "is no TOML: Invalid value (at end of document)"),
    ],
)
def test_a_mistake_in_a_file_is_one_sentence_with_the_files_name(
    tmp_path, text, sentence
):
    path = written(tmp_path, text)
    said = refused(path)
    assert said.startswith(str(path))
    assert sentence in said
    assert "\n" not in said


def test_a_file_of_no_text_is_refused(tmp_path):
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00seed")
    assert "is no TOML" in refused(path)
    path.write_bytes("seed = 1 # \uc5d0\ud3ed".encode("euc-kr"))
    assert "is no TOML: it is not saved as UTF-8" in refused(path)


def test_a_folder_is_no_config_file(tmp_path):
    with pytest.raises(UserError, match="no config file"):
        settings.find_config(str(tmp_path), Config)
    (tmp_path / "x.toml").mkdir()
    assert "Is a directory" in refused(
        settings.find_config(str(tmp_path / "x.toml"), Config)
    )


def test_a_table_of_json_is_a_config_too():
    table = {"seed": 3, "model": {"hidden": [9, 8]}}
    model = ModelConfig(hidden=(9, 8))
    assert settings.from_table(Config, table) == Config(seed=3, model=model)


@pytest.mark.parametrize("key", [".".join("a" * 30_000), "seed"])
def test_a_line_without_end_is_refused_before_it_is_parsed(tmp_path, key):
    path = written(tmp_path, f"{key} = 0x{'7' * 5000}")
    assert "is no TOML: line 1 has" in refused(path)


def test_a_config_is_written_without_signs_that_a_terminal_obeys(tmp_path):
    odd = Config(runs_dir="\x1b]0;x\x07\u009b31m\u202e")
    text = settings.to_toml(odd)
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    path = tmp_path / "odd.toml"
    path.write_text(text, encoding="utf-8")
    assert settings.read_config(Config, path) == odd
