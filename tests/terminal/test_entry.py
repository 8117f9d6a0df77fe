"""The command line as a whole: one list of commands, whatever is installed."""

from __future__ import annotations

import re
import sys

import pytest

from pulse_otel import cli
from pulse_otel.local.commands import pulse_otel as with_extra
from tests.conftest import RunPython
from tests.local.service_client import Client, span
from tests.terminal.test_traces import CALL

WITHOUT = sorted(cli._EXTRA)


def command_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> tuple[object, str, str]:
    monkeypatch.setattr(sys, "argv", ["pulse-otel", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, *capsys.readouterr()


def test_the_help_lists_every_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the look that all of them have; without a command it goes to stderr."""
    status, out, _ = command_line(capsys, monkeypatch, "--help")
    assert status == 0
    assert re.findall(r"^  (\w+)  ", out.partition("Commands:")[2], re.MULTILINE) == [
        *("demo", "doctor", "serve", "tail", "traces")
    ]
    assert command_line(capsys, monkeypatch) == (2, "", out)

    for command in (["doctor"], ["tail"], ["traces"], ["traces", "list"], ["serve"], ["demo"]):
        status, out, _ = command_line(capsys, monkeypatch, *command, "--help")
        assert status == 0
        assert out.startswith(f"Usage: pulse-otel {' '.join(command)} ")
        assert "\nOptions:\n" in out
        assert "Show this message and exit." in out


def test_the_commands_of_the_extra_are_known() -> None:
    """No command is listed in one place alone."""
    assert {name for name, (_, extra) in cli._COMMANDS.items() if extra} == set(with_extra.commands)


def test_what_is_no_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit status is 2, and the help is named; a terminal obeys nothing of it."""
    for arguments in (["nix\x1b[2J"], ["--nix"], ["traces", "nix"], ["tail", "--nix"]):
        status, out, err = command_line(capsys, monkeypatch, *arguments)
        assert (status, out) == (2, "")
        assert "--help' for help.\n\nError: " in err
        assert "\x1b" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["tail", "--since", "soon"],
        ["tail", "-n", "-1"],
        ["traces", "list", "--status", "nix"],
        ["traces", "show"],
        ["traces", "show", ""],
        ["doctor", "--wait", "x"],
    ],
)
def test_wrong_options(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit status is 2, as for the other commands."""
    status, _, err = command_line(capsys, monkeypatch, *arguments)
    assert status == 2
    assert err.startswith("Usage: pulse-otel ")


def test_the_base_install_is_enough(run_python: RunPython) -> None:
    """Without anything of the extra, help, version, doctor and traces work."""
    script = f"""
import sys
sys.modules.update(dict.fromkeys({WITHOUT}))
from pulse_otel.cli import main
for arguments in (["--help"], ["--version"], ["doctor"], ["traces", "list"], ["serve"]):
    sys.argv[1:] = arguments
    try:
        main()
    except SystemExit as ended:
        print("status", ended.code)
"""
    done = run_python(script, PULSE_API_URL="http://127.0.0.1:9")

    assert re.findall(r"^status (\d)", done.stdout, re.MULTILINE) == ["0", "0", "1", "1", "2"]
    assert "start a service there: pulse-otel serve --port 9" in done.stdout
    assert "start a service there: pulse-otel serve --port 9" in done.stderr
    assert done.stderr.endswith('needs click: pip install "pulse-otel[local]"\n')
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_gone_is_no_error(current_url: str, run_python: RunPython) -> None:
    """`pulse-otel traces export | head` ends without a word."""
    client = Client(current_url)
    client.send(*(span(CALL) for _ in range(3)))
    client.stored(3)
    script = (
        "import os, sys; from pulse_otel.cli import main\n"
        "read, write = os.pipe(); os.close(read); os.dup2(write, 1)\n"
        "sys.argv[1:] = ['traces', 'export']\nmain()\n"
    )
    done = run_python(script, PULSE_API_URL=current_url, PULSE_API_KEY=client.key)
    client.close()

    assert done.stderr == ""
    assert done.returncode == 141
