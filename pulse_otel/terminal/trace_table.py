"""The columns of a list of traces."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pulse_otel.terminal.table import Column, Row, columns_within, fitted, terminal_width
from pulse_otel.terminal.trace import Trace, answer_of, error_of, session_of

# In a narrow terminal the session goes first, then the provider, and so on.
_MOST = 10**15  # that is a number of anything
COLUMNS: Sequence[Column] = (
    Column("time", 14),
    Column("provider", 12, rank=6),
    Column("model", 20, rank=1),
    Column("in/out", 11, rank=3, right=True),
    Column("cents", 7, rank=5, right=True),
    Column("ms", 6, rank=4, right=True),
    Column("status", 7),
    Column("session", 12, rank=7),
    Column("trace", 8, rank=2, mark=False),  # `traces show` takes the beginning of an id
    Column("answer", 12, fills=True),
)


def columns_for(
    rows: Sequence[Row] | None = None, columns: Sequence[Column] = COLUMNS
) -> tuple[list[Column], int | None]:
    """Return the columns for this terminal, and its width; `rows` are known, or come one by one."""
    width = terminal_width()
    if width is None and rows is not None:  # nothing is cut: a column is as wide as its texts
        columns = [Column(one.title, 10**6, right=one.right) for one in columns]
    if rows is not None:
        columns = fitted(columns, rows)
    return columns_within(columns, width), width


def row_of(trace: Trace) -> Row:
    """Return the texts of a trace's row."""
    failed = trace.get("status") == "error"
    tokens = (trace.get("inputTokens"), trace.get("outputTokens"))
    cents = trace.get("costCents")
    return {
        "time": clock(trace.get("timestamp")),
        "provider": _text(trace.get("provider")),
        "model": _text(trace.get("modelUsed") or trace.get("modelRequested")),
        "in/out": "/".join(map(_text, tokens)) if any(tokens) else "",
        "cents": number(cents, 3) if cents else "",
        "ms": milliseconds(trace.get("latencyMs")),
        "status": "error" if failed else "ok",
        "session": _text(session_of(trace)),
        "trace": _text(trace.get("traceId")),
        "answer": _answer(trace, failed=failed),
    }


def _answer(trace: Trace, *, failed: bool) -> str:
    """Return the error, the answer, or what the service says of a trace without an answer."""
    text = (error_of(trace) if failed else "") or answer_of(trace)
    if text:
        return text
    if trace.get("finishReason") == "tool_calls":
        return "(calls a tool)"
    return "" if trace.get("modelRequested") else _text(trace.get("summary"))


def clock(timestamp: Any) -> str:
    """Return day and time of an ISO date and time, where this machine is."""
    try:
        # Python 3.10 does not parse a Z.
        moment = datetime.fromisoformat(str(timestamp).replace("Z", "+00:00"))
        return f"{moment.astimezone():%m-%d %H:%M:%S}"
    except (ValueError, OverflowError):
        return _text(timestamp)


def milliseconds(value: Any) -> str:
    """Return a duration in ms."""
    return number(value, 0)


def number(value: Any, digits: int) -> str:
    """Return a number with so many digits; nothing for what is none, and what is beyond measure."""
    if type(value) not in (int, float) or not abs(value) < _MOST:
        return ""
    return f"{value:.{digits}f}"


def _text(value: Any) -> str:
    return "" if value is None else str(value)
