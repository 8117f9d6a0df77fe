"""Every command line of the documentation is one that exists, with the options that it is given."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

from opentelemetry import environment_variables as api_variables
from opentelemetry.instrumentation import environment_variables as launcher_variables
from opentelemetry.sdk import environment_variables as sdk_variables

from pulse_otel import PulseConfig
from tests.conftest import ROOT
from tests.documentation.blocks import PAGES, Block, blocks

BIN = Path(sys.executable).parent
VARIABLES = {f"PULSE_{name.upper()}" for name in PulseConfig.__annotations__} | {"PULSE_STRICT"}
OWN = {"app.py", "first.py"}  # programs of the reader
# Commands of a shell, of other packages, or of the reader's: nothing here knows their options.
OTHERS = {".", "cd", "export", "set", "otelcol-contrib", "pytest", "wait", "kill"}


def commands(block: Block) -> Iterator[list[str]]:
    """The simple commands of a block, without variables before them, redirections or comments."""
    lines = block.code.replace("\\\n", " ").splitlines()
    for line in lines:
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        command: list[str] = []
        for word in [*words, ";"]:
            if word and set(word) <= set("&;|"):
                if command:
                    yield command
                command = []
            elif command or not re.match(r"\w+=", word):
                command.append(word)


@cache
def help_of(*command: str) -> str:
    """What a command of `pulse-otel` says of itself."""
    done = subprocess.run(
        [str(BIN / "pulse-otel"), *command, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"pulse-otel {' '.join(command)} is no command"
    return done.stdout


def options(words: list[str]) -> list[str]:
    """The options among the words of a command."""
    return [word.partition("=")[0] for word in words if word.startswith("-") and word != "-"]


def check_pulse_otel(words: list[str]) -> None:
    depth = 2 if words[0] == "traces" else 1
    told = help_of(*words[:depth])
    for option in options(words):
        assert re.search(rf"(?<!\S){re.escape(option)}\b", told), f"{words[0]} takes no {option}"


def check_python(words: list[str]) -> None:
    if not words or words[0] in ("-c", "-m") or words[0] in OWN:
        return
    program = ROOT / words[0]
    assert program.exists(), f"{words[0]} is not in the checkout"
    sources = program.rglob("*.py") if program.is_dir() else [program]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    for option in options(words):
        assert option in text, f"{words[0]} takes no {option}"


def check_pip(words: list[str]) -> None:
    assert words[0] in ("install", "uninstall")
    known = set(metadata.metadata("pulse-otel").get_all("Provides-Extra") or [])
    for word in words:
        found = re.search(r"(?:pulse-otel|CHECKOUT|^\.)\[([\w,-]+)\]", word)
        assert found is None or set(found[1].split(",")) <= known, f"{word}: no such extra"


def check_uv(words: list[str]) -> None:
    assert words[0] in ("run", "sync")
    rest, values = words[1:], ("--extra", "--group", "--only-group")
    while rest and rest[0].startswith("-"):
        rest = rest[2:] if rest[0] in values else rest[1:]
    if rest:
        check(rest)


def check_launcher(words: list[str]) -> None:
    check(words)


KNOWN: dict[str, Callable[[list[str]], None]] = {
    "pulse-otel": check_pulse_otel,
    "python": check_python,
    "python3": check_python,
    "pip": check_pip,
    "uv": check_uv,
    "opentelemetry-instrument": check_launcher,
}


def check(command: list[str]) -> None:
    """Raise AssertionError for a command that does not exist as it is written."""
    name = command[0]
    if name in OTHERS:
        return
    assert name in KNOWN, f"{name} is not a command that is known here"
    KNOWN[name](command[1:])


def test_every_shell_block_of_the_documentation_is_one() -> None:
    bash = shutil.which("bash")
    assert bash is not None
    for block in blocks("bash"):
        done = subprocess.run(
            [bash, "-n"], input=block.code, capture_output=True, text=True, check=False
        )
        assert (str(block), done.stderr) == (str(block), "")


def test_every_command_of_the_documentation_exists_with_its_options() -> None:
    wrong = []
    for block in blocks("bash"):
        for command in commands(block):
            try:
                check(command)
            except AssertionError as error:
                wrong.append(f"{block}: {error}")

    assert wrong == []


def test_a_command_that_does_not_exist_is_noticed() -> None:
    for line in ("pulse-otel serve --prot 1", "python scripts/none.py", "pip install .[locla]"):
        (command,) = commands(Block("page", 1, "bash", line))
        try:
            check(command)
        except AssertionError:
            continue
        raise AssertionError(f"not noticed: {line}")


# The Collector's own configurations, and what builds and runs it.
COLLECTOR = (
    *(ROOT / "examples" / "collector").glob("*.yaml"),
    ROOT / "scripts" / "collector.py",
    ROOT / "tests" / "collectors.py",
)


def test_every_variable_of_the_documentation_is_a_setting() -> None:
    others = {*vars(api_variables), *vars(sdk_variables), *vars(launcher_variables)}
    package = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "pulse_otel").rglob("*.py"))
    package += "".join(p.read_text(encoding="utf-8") for p in COLLECTOR)
    wrong = []
    for page in PAGES:
        for name in re.findall(r"\b(?:PULSE|OTEL)_[A-Z_]+[A-Z]\b", page.read_text("utf-8")):
            known = name in VARIABLES if name.startswith("PULSE_") else name in others
            if not known and name not in package:
                wrong.append(f"{page.name}: {name}")

    assert wrong == []
