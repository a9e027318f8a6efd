"""The command line: it beats the file, which beats the defaults; or one sentence."""

import os
from itertools import chain

import pytest

from torchbasics.command import cli, settings
from torchbasics.command.errors import UserError
from torchbasics.mnist.config import Config


def parse(*argv):
    return cli.parse(
        Config(),
        cli.ResumeOptions(),
        argv,
        name="lesson",
        prog="python -m torchbasics.mnist",
        about="",
        kind="mnist",
    )


def toml(tmp_path, text):
    path = tmp_path / "my.toml"
    path.write_text(text)
    return str(path)


def leaves(group, prefix=""):
    """Every option, with its default."""
    for name in type(group).model_fields:
        value = getattr(group, name)
        if isinstance(value, settings.Settings):
            yield from leaves(value, f"{name}.")
        else:
            yield prefix + name, value


ALL = dict(leaves(Config()))


@pytest.mark.slow
def test_the_command_line_beats_the_file_and_the_file_the_defaults(tmp_path):
    path = toml(tmp_path, "seed = 3\nepochs = 7\n")
    config = parse("--config", path, "--epochs", "9").config
    assert (config.seed, config.epochs, config.batch_size) == (3, 9, 100)


def test_a_run_is_named_after_its_config(tmp_path):
    assert parse().name == "lesson"
    assert parse("--config", toml(tmp_path, "")).name == "my"
    assert parse("--config=textbook").name == "textbook"


def flag(key):
    return "--" + key.replace("_", "-")


def words(value):
    return [str(item) for item in (value if isinstance(value, tuple) else [value])]


TAKING_A_VALUE = {  # --quiet and its kin take none
    key: value for key, value in ALL.items() if not isinstance(value, bool)
}


def test_every_option_can_be_given():
    argv = [(flag(key), *words(value)) for key, value in TAKING_A_VALUE.items()]
    assert len(argv) > 30
    assert parse(*chain(*argv)).config == Config()


@pytest.mark.slow
@pytest.mark.parametrize(
    "key", [key for key, value in TAKING_A_VALUE.items() if not isinstance(value, str)]
)
def test_every_option_is_checked(key, capsys):
    with pytest.raises(SystemExit) as leave:
        parse(flag(key), "nonsense")
    assert leave.value.code == 2
    assert flag(key) in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*settings.shipped_configs()} - {"vanishing"}))
def test_what_is_printed_is_read_back_to_the_same(tmp_path, capsys, name):
    config = parse("--config", name).config
    with pytest.raises(SystemExit) as leave:
        parse("--config", name, "--print-config")
    assert leave.value.code == 0
    again = parse("--config", toml(tmp_path, capsys.readouterr().out)).config
    assert again == config


@pytest.mark.parametrize("text", ["1e-3", "0.001", "1E-3"])
def test_a_float_may_be_written_as_1e_3(tmp_path, text):
    path = toml(tmp_path, f"[optim]\nlr = {text}")
    assert parse("--config", path).config.optim.lr == 0.001
    assert parse("--optim.lr", text).config.optim.lr == 0.001


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["--optim.lr", "-1"], "optim.lr = -1.0: it must be greater than 0"),
        (["--optim.lr", "inf"], "optim.lr = inf: it must be a finite number"),
        (["--epochs", "0"], "epochs = 0: it must be greater than or equal to 1"),
        (["--model.hidden", "50", "0"], "model.hidden.1 = 0: it must be greater"),
        (["--model.hidden", "99999", "99999"], "makes 10,079,199,207 weights"),
        (["--model.dropout", "1"], "model.dropout = 1.0: it must be less than 1"),
        (["--optim.nesterov"], "optim.nesterov needs optim.name sgd and a momentum"),
        (
            ["--batch-size", "55000", "--data.validation", "10000"],
            "batch_size = 55000: with data.validation = 10000 it must be at most 50000",
        ),
        (["--config", "textbok"], "shipped config 'textbok'; did you mean 'textbook'?"),
        (["--config", "zzz"], "config 'zzz'; there is best, ciresan2010,"),
        (["--config", ""], "'' after '--config' names nothing: is a variable"),
        (["--resume", ""], "'' after '--resume' names nothing: is a variable"),
        (["--config", "lesson", "--resume", "latest"], "leave out --config"),
        (["--config", "gone.toml"], "cannot read gone.toml: No such file"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(argv, sentence):
    with pytest.raises(UserError) as refusal:
        parse(*argv)
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_settings_without_words_of_their_own_take_options_of_several_values():
    argv = ["--model.hidden", "800", "9", "--model.activation", "relu"]
    model = cli.parse_options(Config(), argv, prog="program", about="").model
    assert (model.hidden, model.activation) == ((800, 9), "relu")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--optm.lr", "1"], "--optim.lr"),
        (["--optim.lr", "fast"], "--optim.lr"),
        (["--precision", "fp16"], "'fp32', 'bf16'"),
        (["--seed"], "--seed"),
        (["--config"], "--config"),
        (["stray"], "stray"),
        (["--confg", "lesson"], "--config STR"),
        (["--resum", "latest"], "--resume STR"),
        (["--print-confg"], "--print-config"),
    ],
)
def test_a_misspelt_option_leaves_with_2_and_a_hint(capsys, argv, said):
    with pytest.raises(SystemExit) as leave:
        parse(*argv)
    assert leave.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
def test_help_has_an_end_on_the_narrowest_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "5")
    with pytest.raises(UserError, match="a terminal must have 6 columns"):
        parse("--help")
    monkeypatch.setenv("COLUMNS", "6")
    with pytest.raises(SystemExit) as leave:
        parse("--help")
    assert leave.value.code == 0
    assert "b" in capsys.readouterr().out
    assert os.environ["COLUMNS"] == "6"


def test_a_command_whose_runs_cannot_go_on_knows_no_resume(capsys):
    with pytest.raises(SystemExit):
        cli.parse(
            Config(),
            cli.CliOptions(),
            ["--resume", "latest"],
            name="lesson",
            prog="",
            about="",
        )
    assert "--resume" in capsys.readouterr().err


def test_what_was_parsed_is_not_changed_by_mistake():
    parsed = parse("--seed", "3")
    assert (parsed.config.seed, parsed.name, parsed.resume) == (3, "lesson", None)
    with pytest.raises(AttributeError):
        parsed.name = "other"
