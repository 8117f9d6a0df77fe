"""The page that `servers.py` writes."""

from __future__ import annotations

from server_cases import CASES, Case

WAYS = ("init_pulse", "zero code", "own pipeline")
PAGE = """\
# Servers and pools: what arrives from the children

Written by `python scripts/servers.py --markdown`. Real servers make real calls of the `openai` SDK
in their children, which then end: after some requests or tasks, or as the server is told to end by
SIGTERM. A cell says how many of the records that were due arrived, each once unless it says so.
Nothing was sent by the clock, and `flush_on_sigterm` was on (uvicorn ends itself by that signal).
"zero code" is `opentelemetry-instrument`; "own pipeline" is a TracerProvider with a
`BatchSpanProcessor(PulseSpanExporter())`, which is not the global one. What to do:
[delivery.md](delivery.md#how-processes-end).

| | {head} | to do |
{lines}
{rows}

No code of ours runs where a process is ended by SIGKILL, by SIGTERM without `flush_on_sigterm`, or
by the C function `_exit`; nor in a process that calls `os._exit` and was not forked. A process that
was forked before it had an exporter is known to be forked on Linux only. There,
`flush_buffer()` after each piece of work, or `spool_dir`, from which the next process sends.
The end of a process takes 5 s at most: on a machine so busy that it does not get to send in that
time, records are lost, and a line says so; `spool_dir` helps there, too.

Not in the table, as they lose records: gevent with zero code and without that variable, where
OpenTelemetry starts its batch processor's thread before gevent patches threads, and what that
thread hands over is not sent; and uWSGI with `die-on-term`, which ends workers at once, some amid
their exit hooks.
"""


def row(case: Case, results: dict[str, list[str]]) -> str:
    """Return the line of the table for `case`."""
    cells = results.get(case.name) or ["not run"] * len(WAYS)
    return f"| {case.name} | {' | '.join(cells)} | {case.note} |"


def page(results: dict[str, list[str]]) -> str:
    """Return docs/servers.md."""
    return PAGE.format(
        head=" | ".join(WAYS),
        lines="|---" * (len(WAYS) + 2) + "|",
        rows="\n".join(row(case, results) for case in CASES),
    )
