"""Define `doctor`, `tail` and `traces` with the standard library alone, and run them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from pulse_otel.settings import ConfigError
from pulse_otel.terminal.filters import STATUSES, filters_of, moment
from pulse_otel.terminal.output import note
from pulse_otel.terminal.reading import NotReadable, open_service
from pulse_otel.terminal.tail import tail
from pulse_otel.terminal.traces import export_traces, list_traces, show_trace

_LATEST = 10
_LISTED = 50
_CLOSED = 141  # as a shell reports a program whose reader has gone


class _Parser(argparse.ArgumentParser):
    """A parser whose help looks like that of the other commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=_Help, add_help=False, allow_abbrev=False, **settings)
        self.color = False  # since Python 3.14 it would be coloured
        self.options = self.add_argument_group("Options")

    def error(self, message: str) -> Any:
        """Say what is wrong with the command line, and exit with 2."""
        self.exit(
            2, f"{self.format_usage()}Try '{self.prog} --help' for help.\n\nError: {message}\n"
        )


class _Help(argparse.RawDescriptionHelpFormatter):
    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: Any = None) -> None:
        super().add_usage(usage, actions, groups, "Usage: ")


def _new_parser(name: str, description: str, usage: str = "[OPTIONS]") -> _Parser:
    told = "\n".join(f"  {line}" if line else "" for line in description.splitlines())
    return _Parser(prog=f"pulse-otel {name}", usage=f"%(prog)s {usage}", description=told)


def _add_common(parser: _Parser) -> None:
    parser.options.add_argument(
        "--api-url", metavar="URL", help="The service, instead of PULSE_API_URL's."
    )
    parser.options.add_argument("-h", "--help", action="help", help="Show this message and exit.")


def _add_filters(parser: _Parser) -> None:
    add = parser.options.add_argument
    add("--status", choices=STATUSES, help="Only traces with this status.")
    add("--provider", help="Only those of this provider.")
    add("--model", help="Only those that asked for this model.")
    add("--session", metavar="ID", help="Only those of this session.")
    add("--user", metavar="ID", help="Only those of this user.")
    add("--text", help="Only those with this text in the question, the answer or the summary.")
    add("--since", metavar="TIME", type=_time, help="Only later ones: 15m, 2h, 7d or 2026-11-28.")


def _time(text: str) -> int:
    try:
        return moment(text)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            "give a time such as 15m, 2h, 7d, 2026-11-28 or 2026-11-28T09:30"
        ) from None


def _name(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("give an id, or its first characters")
    return text.strip()


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise argparse.ArgumentTypeError("give a number from 0")
    return int(text)


def _doctor(arguments: Sequence[str]) -> int:
    parser = _new_parser(
        "doctor",
        "Check the settings in the environment, the service, and what is installed.\n\n"
        "One span is sent to the service and read back. It counts as no call; a service of the\n"
        "legacy generation has calls only, and gets it with --send alone. The exit status is 1 if\n"
        "anything is an error. No secret is printed.",
    )
    add = parser.options.add_argument
    add("--send", action="store_true", help="Send a span to a legacy service, as a call, too.")
    add("--json", action="store_true", help="Print one object of JSON.")
    add("--wait", type=_count, default=10, metavar="SECONDS",
        help="How long a span may take to be stored (10).")  # fmt: skip
    _add_common(parser)
    given = parser.parse_args(arguments)
    from pulse_otel.terminal.doctor.run import run_doctor

    return run_doctor(api_url=given.api_url, send=given.send, wait_s=given.wait, as_json=given.json)


def _tail(arguments: Sequence[str]) -> int:
    parser = _new_parser("tail", "Show traces as they come, until Ctrl-C. It needs PULSE_API_KEY.")
    _add_filters(parser)
    add = parser.options.add_argument
    add("-n", "--lines", type=_count, metavar="N",
        help=f"Begin with the latest N ({_LATEST}; all with --since).")  # fmt: skip
    add("--json", action="store_true", help="Print each trace as a line of JSON.")
    _add_common(parser)
    given = parser.parse_args(arguments)
    latest = (sys.maxsize if given.since else _LATEST) if given.lines is None else given.lines
    service = open_service(os.environ, given.api_url)
    try:
        return tail(service, filters_of(vars(given)), latest=latest, as_json=given.json)
    except KeyboardInterrupt:
        note("\nStopped.")
        return 0


def _list_or_export(
    name: str, description: str, run: Callable[..., int], most: int | None, arguments: Sequence[str]
) -> int:
    parser = _new_parser(f"traces {name}", description)
    _add_filters(parser)
    add = parser.options.add_argument
    add("--until", metavar="TIME", type=_time, help="Only earlier ones.")
    add("--limit", type=_count, default=most, metavar="N",
        help=f"At most so many ({most or 'all'}).")  # fmt: skip
    _add_common(parser)
    given = parser.parse_args(arguments)
    return run(open_service(os.environ, given.api_url), filters_of(vars(given)), given.limit)


def _show(arguments: Sequence[str]) -> int:
    parser = _new_parser("traces show", "Show one trace.", "[OPTIONS] TRACE")
    parser.options.add_argument(
        "trace", metavar="TRACE", type=_name, help="An id, or its first characters."
    )
    parser.options.add_argument("--json", action="store_true", help="As one object of JSON.")
    _add_common(parser)
    given = parser.parse_args(arguments)
    return show_trace(open_service(os.environ, given.api_url), given.trace, as_json=given.json)


_TRACES: dict[str, tuple[str, Callable[[Sequence[str]], int]]] = {
    "list": (
        "List the newest traces.",
        partial(_list_or_export, "list", "List the newest traces.", list_traces, _LISTED),
    ),
    "show": ("Show one trace.", _show),
    "export": (
        "Write traces as lines of JSON.",
        partial(
            _list_or_export,
            "export",
            "Write traces as lines of JSON, as the service gives them, newest first.",
            export_traces,
            None,
        ),
    ),
}


def _traces(arguments: Sequence[str]) -> int:
    name, *rest = arguments or ["--help"]
    if name in _TRACES:
        return _TRACES[name][1](rest)
    parser = _new_parser(
        "traces", "List, show or export the traces that a service has stored.", "COMMAND [ARGS]..."
    )
    parser.epilog = "Commands:\n" + "\n".join(
        f"  {command:8}{told}" for command, (told, _) in _TRACES.items()
    )
    parser.options.add_argument("-h", "--help", action="help", help="Show this message and exit.")
    if name not in ("-h", "--help"):
        parser.error(f"no such command: {name}")
    parser.print_help(sys.stdout if arguments else sys.stderr)
    return 0 if arguments else 2


_COMMANDS = {"doctor": _doctor, "tail": _tail, "traces": _traces}


def run(command: str, arguments: Sequence[str]) -> int:
    """Run `command` with its arguments; return the exit status.

    Raises SystemExit for a wrong command line, with 2, and for --help.
    """
    try:
        return _completed(_COMMANDS[command], arguments)
    except ConfigError as error:
        note(f"pulse-otel: {error}")
        return 2
    except NotReadable as error:
        note(f"pulse-otel: {error}")
        return 1
    except BrokenPipeError:
        # What is left in the buffer has no reader either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _CLOSED
    except KeyboardInterrupt:
        return 130


def _completed(command: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> int:
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")  # in an encoding without a mark for what is cut
    status = command(arguments)
    sys.stdout.flush()
    return status
