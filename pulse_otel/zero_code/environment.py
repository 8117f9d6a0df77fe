"""Loaded first by `opentelemetry-instrument`, in the process that then becomes the program.

`opentelemetry-distro` sends metrics and logs to an OTLP exporter that need not be installed,
and without it nothing at all is recorded. So where the traces go to Pulse, metrics and logs go
nowhere unless the user said where; and ids are ours (see `pulse_otel.ids`). Nobody else's set-up
is touched.

The launcher makes a command line option of every name here that begins with OTEL_, and fails if
another module has the same: there must be none.
"""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping, Sequence

_TRACES = "OTEL_TRACES_EXPORTER"
_OPTION = "--traces_exporter"
_DEFAULTS = {
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_PYTHON_ID_GENERATOR": "pulse",
}


def _option(arguments: Sequence[str]) -> str | None:
    """The value of the launcher's own option, which it reads after this module."""
    found = None
    for position, argument in enumerate(arguments):
        if argument == "--":
            break
        name, equals, value = argument.partition("=")
        if name == _OPTION:
            found = value if equals else "".join(arguments[position + 1 : position + 2])
    return found


def set_defaults(environ: MutableMapping[str, str], arguments: Sequence[str]) -> None:
    """Say what the user left open, where Pulse gets the traces."""
    traces = _option(arguments) or environ.get(_TRACES, "")
    if "pulse" in [name.strip() for name in traces.split(",")]:
        service = environ.get("PULSE_SERVICE_NAME")
        named = {"OTEL_SERVICE_NAME": service} if service else {}
        for name, value in (_DEFAULTS | named).items():
            environ.setdefault(name, value)


set_defaults(os.environ, getattr(sys, "argv", [])[1:])
