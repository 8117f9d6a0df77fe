"""The command line: `pulse-otel`, and the commands that it has, whatever is installed."""

from __future__ import annotations

import sys
from typing import Final

# Command -> what it does, and whether the extra `local` brings what it needs.
_COMMANDS: Final = {
    "demo": ("Make a few calls, read their traces back, and show them.", True),
    "doctor": ("Check settings, service and environment; say what to do.", False),
    "serve": ("Run a Pulse trace service on this machine.", True),
    "tail": ("Show calls as they come.", False),
    "traces": ("List, show or export the traces that are stored.", False),
}
# Top-level modules that the extra `local` brings.
_EXTRA: Final = frozenset(
    {"anthropic", "click", "jinja2", "openai", "rich", "starlette", "uvicorn"},
)
_USAGE: Final = "Usage: pulse-otel [OPTIONS] COMMAND [ARGS]..."


def main() -> None:
    """Run the command in `sys.argv`; exits 2 if what the command needs is not installed."""
    command, *arguments = sys.argv[1:] or [""]
    known = command in _COMMANDS
    if known and _COMMANDS[command][1]:
        _run_with_extra()
    elif known:
        from pulse_otel.terminal.commands import run

        sys.exit(run(command, arguments))
    else:
        sys.exit(_without_command(command))


def _without_command(option: str) -> int:
    """Print the help or the version; return the exit status."""
    if option in ("-h", "--help", ""):
        print(_help(), file=sys.stdout if option else sys.stderr)
        return 0 if option else 2
    if option == "--version":
        from pulse_otel import __version__

        print(f"pulse-otel, version {__version__}")  # noqa: T201
        return 0
    from pulse_otel.printable import printable

    kind = "option" if option.startswith("-") else "command"
    hint = "Try 'pulse-otel --help' for help."
    sys.stderr.write(f"{_USAGE}\n{hint}\n\nError: No such {kind} {printable(option)!r}.\n")
    return 2


def _help() -> str:
    commands = "\n".join(
        f"  {name:8}{told}{' (*)' * extra}" for name, (told, extra) in _COMMANDS.items()
    )
    return f"""\
{_USAGE}

  Record openai and anthropic calls, and ship them to a Pulse trace service.

Options:
  --version   Show the version and exit.
  -h, --help  Show this message and exit.

Commands:
{commands}

  (*) needs the extra `local`: pip install "pulse-otel[local]\""""


def _run_with_extra() -> None:
    try:
        # Imported here: without the extra there is no click to define a command with.
        from pulse_otel.local.commands import pulse_otel

        pulse_otel(prog_name="pulse-otel")
    except ModuleNotFoundError as missing:
        name = (missing.name or "").partition(".")[0]
        if name not in _EXTRA:
            raise
        sys.stderr.write(f'pulse-otel needs {name}: pip install "pulse-otel[local]"\n')
        sys.exit(2)


if __name__ == "__main__":
    main()
