"""A config file and a command line become one checked configuration.

Precedence: defaults < `--config FILE` < command line, spelled `--group.name value`.
"""

import argparse
import os
import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import tyro
from pydantic import Field
from tyro.conf import FlagCreatePairsOff, Positional, arg

from torchbasics.command import runs
from torchbasics.command.errors import UserError
from torchbasics.command.output import lasting
from torchbasics.command.settings import (
    ConfigT,
    Settings,
    find_config,
    flatten,
    read_config,
    shipped_configs,
    to_toml,
)

NARROWEST = 20  # columns: in less than 6, tyro would never come to its help's end
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
    given, resume = _first_pass(argv), None
    if not kind or (given.resume == "auto" and getattr(options, "takes_auto", False)):
        given.resume = None  # unknown, as tyro will say; or for the command to find
    if given.config is not None and given.resume is not None:
        raise UserError("--resume takes the run's own config: leave out --config")
    if given.config is not None:
        path = find_config(given.config)
        config, name = read_config(type(config), path, prog), runs.config_name(path)
    if given.resume is not None:
        resume = runs.find_run(given.resume, given.runs_dir or "runs", kind)
        name = runs.run_name(resume, kind)
        config = read_config(type(config), resume / "config.toml", prog)
    shipped = ", ".join(sorted(shipped_configs(type(config))))
    about = f"{about or ''}\n\nShipped configs: {shipped}."
    both = config, options
    unnamed = [Annotated[type(one), arg(name="")] for one in both]
    form: Any = tuple[tuple(unnamed)]  # type: ignore[misc]
    config, options = _cli(form, both, argv, prog=prog, about=about)
    if options.print_config:
        print(to_toml(config), end="")
        raise SystemExit(0)
    return Parsed(config, options, name, resume)


def parse_options(
    default: ConfigT, argv: Sequence[str] | None, prog: str, about: str | None
) -> ConfigT:
    """The settings `default`, changed as a command line asks: `--group.name value`."""
    kind = type(default)
    argv = words_first(argv or [], kind)
    options: ConfigT = _cli(kind, default, argv, prog=prog, about=about)
    return options


def words_first(argv: Sequence[str], kind: type[Settings]) -> list[str]:
    """The words of a command line, then its options: tyro wants words side by side.

    >>> class Options(Settings):
    ...     words: Positional[tuple[str, ...]] = ()
    ...     lang: str = "en"
    ...     ask: bool = False
    >>> words_first(["glossary", "--lang", "ko", "--ask", "epoch"], Options)
    ['glossary', 'epoch', '--lang', 'ko', '--ask']
    """
    fields = kind.model_fields
    if not any(Positional in field.metadata for field in fields.values()):
        return [*argv]
    valued = {name for name, of in fields.items() if of.annotation is not bool}
    words, options, rest = list[str](), list[str](), iter(argv)
    for word in rest:
        is_option = word.startswith("-") and word != "-"
        (options if is_option else words).append(word)
        if is_option and word.lstrip("-").replace("-", "_") in valued:
            options += islice(rest, 1)
    return words + options


def _first_pass(argv: Sequence[str]) -> argparse.Namespace:
    """What decides the defaults of all other options."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for option in ("--config", "--resume", "--runs-dir"):
        spellings = {option, f"--{option[2:].replace('-', '_')}"}  # tyro takes both
        first.add_argument(*sorted(spellings), nargs="?")
    return first.parse_known_args(argv)[0]


def _require_no_empty(argv: Sequence[str]) -> None:
    """Raise UserError for `--out "$PAGE"` where there is no PAGE: it means nothing."""
    for before, word in pairwise(("", *argv)):
        option = word if word.startswith("--") else before
        if not word or (word.startswith("--") and word.endswith("=")):
            after = f" after {option}" if option.startswith("--") else ""
            raise UserError(
                f"''{after} names nothing: is a variable of the shell not set?"
            )


def _cli(
    form: Any, default: Any, argv: Sequence[str] | None, *, prog: str, about: str | None
) -> Any:
    hang = "  "  # what begins with a letter, tyro joins to the line before
    about = "\n\n".join(
        textwrap.fill(part.strip(), 80, subsequent_indent=hang)
        for part in (about or "").split("\n\n")  # none with -OO
    )
    argv = argv or []
    _require_no_empty(argv)
    if shutil.get_terminal_size().columns < NARROWEST:
        os.environ["COLUMNS"] = str(NARROWEST)
    models = default if isinstance(default, tuple) else (default,)
    defaults = chain(*(flatten(m.model_dump(mode="json")).values() for m in models))
    plain = all(map(str.isprintable, (*argv, *map(str, defaults))))
    with lasting(only_text=not plain):  # it shows defaults, repeats options
        return tyro.cli(form, args=argv, default=default, prog=prog, description=about)
