"""A TOML file and a command line become one validated configuration.

Precedence: defaults < `--config FILE` < command line. Whatever is unknown, of the
wrong type or out of bounds is refused with one sentence that names the key, the
value and what would be valid. A configuration holds values only: it names no code.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import tomli_w
import tyro
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from tyro.conf import FlagCreatePairsOff

from torchbasics import runs
from torchbasics.errors import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Settings(BaseModel):
    """A frozen group of settings; `group` is its name inside the whole."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False
    )
    group: ClassVar[str] = ""
    command: ClassVar[str] = "torchbasics.mnist"  # that a whole configuration is for

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise UserError(self._sentence(error)) from None

    @classmethod
    def _sentence(cls, error: ValidationError) -> str:
        """The first thing wrong, in words."""
        first = error.errors()[0]
        path = [cls.group, *map(str, first["loc"])]
        key = ".".join(part for part in path if part)
        if first["type"] == "extra_forbidden":
            hint = suggestion(path[-1], cls.model_fields, key.removesuffix(path[-1]))
            return f"unknown setting {key!r}{hint}"
        if first["type"] == "value_error":  # our own validators say it all
            return str(first["ctx"]["error"])
        if first["type"] == "model_type":
            return f"{key} = {first['input']!r}: it is a table, [{key}]"
        wanted = first["msg"].replace("Input should be", "it must be")
        wanted = wanted.replace("tuple", "list")
        return f"{key} = {first['input']!r}: {wanted}"


Config = TypeVar("Config", bound=Settings)


class Words(Settings):
    """What a command line may say beside the settings themselves."""

    kind: ClassVar[str] = "mnist"  # of the runs that --resume goes on with
    config: str = Field("", description="TOML file or shipped config to start from")
    print_config: FlagCreatePairsOff[bool] = Field(
        False, description="print all settings as TOML and stop"
    )


class ResumeWords(Words):
    """The same for a command whose runs can go on."""

    resume: str = Field("", description="what to go on with: its folder, or latest")


class Parsed(NamedTuple, Generic[Config]):
    """A configuration, the name it goes by, the run it goes on with, and the rest."""

    config: Config
    name: str
    resume: Path | None = None
    words: Words = Words()


def parse(
    defaults: Parsed[Config],
    argv: Sequence[str] | None,
    *,
    prog: str,
    about: str,
    words: type[Words] = Words,
) -> Parsed[Config]:
    """The configuration that a command line asks for.

    `--config` and `--resume` are looked for first, because what they name becomes the
    default of all other options. `--print-config` prints the outcome and leaves.
    """
    argv = sys.argv[1:] if argv is None else argv
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for option in ("--config", "--resume", "--runs-dir"):
        first.add_argument(option, nargs="?")
    taken, _ = first.parse_known_args(argv)
    if "resume" not in words.model_fields:
        taken.resume = None  # an option that is unknown, as tyro will say
    default, name, resume, _ = defaults
    if taken.config is not None and taken.resume is not None:
        raise UserError("--resume takes the run's own config: leave out --config")
    if taken.config is not None:
        path = find_config(taken.config)
        default, name = read_config(type(default), path), runs.config_name(path)
    if taken.resume is not None:
        resume = runs.find(taken.resume, taken.runs_dir or "runs", words.kind)
        name = runs.name_of(resume, words.kind)
        default = read_config(type(default), resume / "config.toml")
    shipped = shipped_configs(type(default).command)
    about += f"\n\nShipped configs: {', '.join(sorted(shipped))}."
    both: type[Any] = create_model("Both", __base__=(words, type(default)))
    start: Any = both(**dict(default))
    said = parse_options(start, argv, prog=prog, about=about)
    fields = type(default).model_fields
    config = type(default)(**{field: getattr(said, field) for field in fields})
    if said.print_config:
        print(to_toml(config), end="")
        raise SystemExit(0)
    return Parsed(config, name, resume, said)


def parse_options(
    default: Config, argv: Sequence[str] | None, *, prog: str, about: str
) -> Config:
    """The settings `default`, changed as a command line asks: `--group.name value`."""
    hang = "  "  # what begins with a letter, tyro joins to the line before
    about = "\n\n".join(
        textwrap.fill(part.strip(), 80, subsequent_indent=hang)
        for part in about.split("\n\n")
    )
    return tyro.cli(
        type(default), args=argv, default=default, prog=prog, description=about
    )


def to_toml(config: Settings) -> str:
    """The configuration as a TOML file that `--config` reads back to the same."""
    table = config.model_dump(mode="json")
    if config.command != Settings.command:
        table = {"command": config.command, **table}
    return tomli_w.dumps(table)


def flat(table: dict[str, Any], prefix: str = "") -> dict[str, bool | str | float]:
    """Nested settings by their dotted names, lists as text.

    >>> flat({"seed": 0, "model": {"hidden": [50, 100], "activation": "relu"}})
    {'seed': 0, 'model.hidden': '50 100', 'model.activation': 'relu'}
    """
    settings: dict[str, bool | str | float] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            settings |= flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            settings[prefix + name] = " ".join(map(str, value))
        else:
            settings[prefix + name] = value
    return settings


def read_config(config_class: type[Config], path: Path) -> Config:
    """The configuration that a TOML file describes."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise UserError(f"{path} is no TOML: it is not saved as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no TOML: {error}") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    command = table.pop("command", Settings.command)
    if command != config_class.command:
        raise UserError(f"{path} is a config of `python -m {command}`")
    try:
        return from_table(config_class, table)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def from_table(config_class: type[Config], table: dict[str, Any]) -> Config:
    """The configuration that a table of TOML or JSON stands for."""
    return config_class(**_tuples(table))


def find_config(name: str) -> Path:
    """An existing file, any `*.toml`, or a shipped configuration by its bare name."""
    if name.endswith(".toml") or os.path.isfile(name):
        if os.path.exists(name) and not os.path.isfile(name):
            raise UserError(f"{name} is no file")
        return Path(name)
    if name not in shipped_configs():
        close = suggestion(name, shipped_configs())
        raise UserError(f"there is no config file or shipped config {name!r}{close}")
    return shipped_configs()[name]


def shipped_configs(command: str = "") -> dict[str, Path]:
    """The configurations that come with the package, by name; one command's, or all."""
    package = Path(__file__).parent
    installed, checkout = package / "configs", package.parent / "configs"
    folder = installed if installed.is_dir() else checkout
    paths = {path.stem: path for path in folder.glob("*.toml")}
    return {n: path for n, path in paths.items() if command in ("", command_of(path))}


def command_of(path: Path) -> str:
    """The command that a config file is for: what follows `python -m`."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return str(table.get("command", Settings.command))


def suggestion(name: str, choices: Iterable[str], prefix: str = "") -> str:
    """`; did you mean ...?`, or all there is when nothing is close."""
    if close := difflib.get_close_matches(name, choices, n=1):
        return f"; did you mean {prefix + close[0]!r}?"
    return f"; there is {', '.join(prefix + choice for choice in sorted(choices))}"


def _tuples(value: Any) -> Any:
    """Arrays as tuples, which a frozen configuration holds."""
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
