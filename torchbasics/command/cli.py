"""A config file and a command line become one checked configuration.

Precedence: defaults < `--config FILE` < command line, spelled `--group.name value`.
"""

import argparse
import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import tyro
from pydantic import Field
from tyro.conf import FlagCreatePairsOff, arg

from torchbasics.command import runs
from torchbasics.command.errors import UserError
from torchbasics.command.output import lasting
from torchbasics.command.settings import (
    ConfigT,
    Settings,
    configs_for,
    find_config,
    flatten,
    read_config,
    shown,
    to_toml,
)

NARROWEST = 6  # columns: in less, tyro would never come to its help's end
AsJson = Annotated[
    FlagCreatePairsOff[bool], arg(name="json"), Field(description="print JSON only")
]
"""The flag `--json` of commands that can answer a program."""


class CliOptions(Settings):
    """What a command line may say beside the settings themselves."""

    config: str = Field("", description="TOML file or shipped config to start from")
    print_config: FlagCreatePairsOff[bool] = Field(
        False, description="print all settings as TOML and stop"
    )


class ResumeOptions(CliOptions):
    """The same for a command whose runs can go on."""

    takes_auto: ClassVar[bool] = False  # --resume auto, which the command resolves
    resume: str = Field("", description="what to go on with: its folder, or latest")


OptionsT = TypeVar("OptionsT", bound=CliOptions)


@dataclass(frozen=True)
class Parsed(Generic[ConfigT, OptionsT]):
    """A configuration, the options beside it, its name, and the run to go on with."""

    config: ConfigT
    options: OptionsT
    name: str
    resume: Path | None


def parse(
    config: ConfigT,
    options: OptionsT,
    argv: Sequence[str] | None,
    *,
    name: str,
    prog: str,
    about: str | None,
    kind: str = "",
) -> Parsed[ConfigT, OptionsT]:
    """The configuration that a command line asks for, `config` being the default.

    `--config` and `--resume` are looked for first, because what they name becomes the
    default of all other options. `--resume` goes on with runs of that `kind`.
    `--print-config` prints the outcome and leaves.
    """
    argv = argv or []
    _require_words(argv)
    given, resume = _first_pass(argv), None
    if not kind or (given.resume == "auto" and getattr(options, "takes_auto", False)):
        given.resume = None  # unknown, as tyro will say; or for the command to find
    if given.config is not None and given.resume is not None:
        raise UserError("--resume takes the run's own config: leave out --config")
    if given.config is not None:
        path = find_config(given.config, type(config))
        config, name = read_config(type(config), path), runs.config_name(path)
    if given.resume is not None:
        resume = runs.find_run(given.resume, given.runs_dir or "runs", kind)
        name = runs.run_name(resume, kind)
        config = read_config(type(config), resume / "config.toml")
    if {"-h", "--help"}.intersection(argv):  # reading them all takes a while
        fitting = ", ".join(sorted(configs_for(type(config))))
        about = f"{about or ''}\n\nShipped configs: {fitting}."
    config, options = _cli((config, options), argv, prog=prog, about=about or "")
    if options.print_config:
        print(to_toml(config), end="")
        raise SystemExit(0)
    return Parsed(config, options, name, resume)


def parse_options(
    default: ConfigT, argv: Sequence[str] | None, prog: str, about: str | None
) -> ConfigT:
    """The settings `default`, changed as a command line asks: `--group.name value`."""
    options: ConfigT
    _require_words(argv := argv or [])
    (options,) = _cli((default,), argv, prog=prog, about=about or "")
    return options


def _require_words(argv: Sequence[str]) -> None:
    """Raise UserError if one is empty, as `"$RUN"` is where RUN is not set."""
    for before, word in pairwise(("", *argv)):
        if not word or (word.startswith("--") and word.endswith("=")):
            place = f" after {shown(before)}" if before and not word else ""
            said = "names nothing: is a variable of the shell not set?"
            raise UserError(f"{word!r}{place} {said}")


def _first_pass(argv: Sequence[str]) -> argparse.Namespace:
    """What decides the defaults of all other options."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("config", "resume", "runs-dir"):
        spellings = dict.fromkeys((name, name.replace("-", "_")))  # tyro takes both
        first.add_argument(*(f"--{one}" for one in spellings), nargs="?")
    return first.parse_known_args(argv)[0]


def _cli(models: tuple[Any, ...], argv: Sequence[str], *, prog: str, about: str) -> Any:
    """These settings, changed as the command line asks. Raises UserError."""
    if shutil.get_terminal_size().columns < NARROWEST:
        raise UserError(f"a terminal must have {NARROWEST} columns: see $COLUMNS")
    hang = "  "  # what begins with a letter, tyro joins to the line before
    about = "\n\n".join(
        textwrap.fill(part.strip(), 80, subsequent_indent=hang)
        for part in about.split("\n\n")
    )
    form: Any = tuple[tuple(Annotated[type(one), arg(name="")] for one in models)]  # type: ignore[misc]
    defaults = chain(*(flatten(one.model_dump(mode="json")).values() for one in models))
    plain = all(map(str.isprintable, (*argv, *map(str, defaults))))
    with lasting(only_text=not plain):  # it shows defaults, repeats options
        return tyro.cli(form, args=argv, default=models, prog=prog, description=about)
