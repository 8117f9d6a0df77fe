"""The page that `servers.py` writes."""

from __future__ import annotations

from server_cases import CASES, Case

WAYS = ("init_pulse", "zero code", "own pipeline")
PAGE = """\
# Servers and pools: what arrives from the children

Written by `python scripts/servers.py --markdown`. Real servers make real calls of the `openai` SDK
in their children, which then end: after some requests or tasks, or because SIGTERM ends the
server. A cell says how many of the expected records arrived, each once unless it says otherwise.
The timer sent nothing, and `flush_on_sigterm` was on (uvicorn ends itself with that signal). "zero
code" is `opentelemetry-instrument`; "own pipeline" is a TracerProvider that is not global, with a
`BatchSpanProcessor(PulseSpanExporter())`. [How processes end](delivery.md#how-processes-end) says
what to do.

| | {head} | to do |
{lines}
{rows}

pulse-otel cannot act when SIGKILL, SIGTERM without `flush_on_sigterm` or the C function `_exit`
ends a process, or when a process that was not forked calls `os._exit`. A process that was forked
before it had an exporter is recognised as forked on Linux only. In these cases call
`flush_buffer()` after each piece of work, or use `spool_dir`, from which the next process sends.
The end of a process takes 5 s at most. A machine may be too busy to send in that time: the records
are lost, and a line says so; `spool_dir` helps there too.

Two cases lose records and are not in the table. With gevent and zero code, but without that
variable, OpenTelemetry starts the thread of its batch processor before gevent patches threads, and
what that thread hands over is not sent. uWSGI with `die-on-term` ends workers at once, some during
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
