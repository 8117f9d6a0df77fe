"""Define the commands of `pulse-otel`."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import signal
import sqlite3
import sys
import threading
import webbrowser
from collections.abc import Generator
from typing import Final

import click

from pulse_otel.local.service.app import create_app
from pulse_otel.local.service.legacy.app import create_legacy_app
from pulse_otel.local.serving import HOST, serving
from pulse_otel.local.storage.retention import keeping
from pulse_otel.printable import printable

SAMPLE_KEY: Final = "pulse_sk_local"

_POINTERS: Final = """\
Send the calls of a program here, with two lines in it:

    import pulse_otel
    pulse_otel.init_pulse(api_key="{key}", instrument=True,
                          api_url="{url}")

or without a change to it:

    export PULSE_API_KEY={key} PULSE_API_URL={url}
    OTEL_TRACES_EXPORTER=pulse opentelemetry-instrument python app.py
"""

_UNITS_MS: Final = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

# --legacy -> the function that makes the service, and its name.
_FORMS: Final = {
    False: (create_app, "Pulse trace service"),
    True: (create_legacy_app, "Legacy Pulse trace service"),
}


_AGE = re.compile("([1-9][0-9]{0,4})([mhdw])")


def _age_ms(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Return a time such as 7d in ms, None for None. Raises BadParameter for anything else."""
    found = _AGE.fullmatch(value or "")
    if value is not None and not found:
        raise click.BadParameter("give a number and a unit, m, h, d or w, such as 12h or 7d")
    return int(found[1]) * _UNITS_MS[found[2]] if found else None


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pulse-otel", prog_name="pulse-otel")
def pulse_otel() -> None:
    """Record openai and anthropic calls, and ship them to a Pulse trace service."""


@pulse_otel.command()
@click.option(
    "--live",
    is_flag=True,
    help="Call the real providers, with OPENAI_API_KEY and ANTHROPIC_API_KEY (it costs a"
    " fraction of a cent); with PULSE_API_KEY and PULSE_API_URL the traces go to that Pulse.",
)
@click.option(
    "--legacy",
    is_flag=True,
    help="Use a trace service of the legacy generation, which takes arrays of traces.",
)
def demo(live: bool, legacy: bool) -> None:
    """Make a few calls, read their traces back, and show them.

    Without --live nothing leaves this machine: the command runs its own provider and trace service.
    The exit status is 0 if every trace is correct.
    """
    from pulse_otel.local.demo.run import run_demo

    with _printable_log():
        sys.exit(run_demo(live=live, legacy=legacy))


@pulse_otel.command()
@click.option(
    "--port",
    default=3000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--db",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Keep the traces in this SQLite file; without it they are in memory only.",
)
@click.option(
    "--legacy",
    is_flag=True,
    help="Take only arrays of traces, at /v1/traces/batch and /async, as the legacy service does.",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser; never in CI.")
@click.option(
    "--keep",
    metavar="TIME",
    callback=_age_ms,
    help="Delete traces that are older than this, such as 12h, 7d or 4w; without it all stay.",
)
def serve(port: int, db: str | None, legacy: bool, opens: bool, keep: int | None) -> None:
    """Run a Pulse trace service on this machine.

    For development and tests only: it listens on loopback, answers requests to loopback names
    only, and accepts any key that starts with pulse_sk_.
    """
    new_app, name = _FORMS[legacy]
    with contextlib.ExitStack() as stack:
        stack.enter_context(_printable_log())
        try:
            app = new_app(db or ":memory:")
            url = stack.enter_context(serving(app, port=port))
        except sqlite3.Error as error:
            message = f"cannot use {db or 'memory'} as the database: {error}"
            raise click.ClickException(printable(message)) from error
        except OSError as error:
            raise click.ClickException(_listen_error(port, error)) from error
        place = printable(f"{db}, {app.state.store.size()}" if db else "memory")
        click.echo(f"{name} on {url}, traces in {place}.")
        click.echo("Open this address in a browser to read them. Ctrl-C stops the service.\n")
        click.echo(_POINTERS.format(url=url, key=SAMPLE_KEY))
        if keep is not None:
            app.state.keep_ms = keep
            stores = dict.fromkeys((app.state.store, app.state.spans))
            stack.enter_context(keeping(stores, keep))
        if opens:
            _open(url)
        _wait_for_the_end()
    click.echo("Stopped.")


def _open(url: str) -> None:
    """Open the page; a CI job has nobody to read it."""
    if not os.environ.get("CI") and not webbrowser.open(url):
        click.echo("No browser was found.")


class _PrintableLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(printable, super().format(record).splitlines()))


@contextlib.contextmanager
def _printable_log() -> Generator[None]:
    """Log to stderr: an error's text may quote a request, and a terminal would obey it."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_PrintableLines())
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


def _listen_error(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65535 else 0
        return (
            f"port {port} of {HOST} is in use: stop the program that listens there,"
            f" or try `pulse-otel serve --port {other}`"
        )
    return f"cannot listen on port {port} of {HOST}: {error.strerror}"


def _wait_for_the_end() -> None:
    """Wait for Ctrl-C, or for SIGTERM, which ends a service in the background."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        click.echo("Ready.")
        threading.Event().wait()
