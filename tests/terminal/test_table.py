"""The table: it fits a terminal of any width, and is whole in a pipe."""

from __future__ import annotations

import pytest

from pulse_otel.terminal.json_lines import json_line
from pulse_otel.terminal.table import columns_within, cut, heading, shown_width, written
from pulse_otel.terminal.trace_table import COLUMNS, row_of
from tests.test_terminal import HOSTILE, found_in

TRACE = {
    "traceId": "b2b1081569a04ffce6547327d8d62e67",
    "timestamp": "2026-11-28T21:47:06.000Z",
    "provider": "azure.ai.openai",
    "modelRequested": "gpt-4o-mini-2024-07-18",
    "inputTokens": 120,
    "outputTokens": 45,
    "costCents": 0.0045,
    "latencyMs": 119,
    "status": "success",
    "sessionId": "a session",
    "outputText": "It is 22 degrees and sunny in 東京: leave the umbrella at home. " * 3,
}


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """The last column takes the rest of the width, and says that it is cut."""
    columns = columns_within(COLUMNS, width)
    lines = [*heading(columns, width), written(columns, row_of(TRACE), width)]

    assert max(map(shown_width, lines)) <= width
    assert shown_width(lines[1]) == width
    assert lines[2].endswith("…")


def test_a_narrow_terminal_loses_what_matters_least_first() -> None:
    """Never the time, the status and the answer."""
    lost: list[str] = []
    left = {one.title for one in COLUMNS}
    for width in range(130, 30, -1):
        titles = {one.title for one in columns_within(COLUMNS, width)}
        lost += sorted(left - titles)
        left = titles

    assert lost == ["session", "provider", "cents", "ms", "in/out", "trace", "model"]
    assert left == {"time", "status", "answer"}


def test_nothing_is_cut_in_a_pipe() -> None:
    """Whatever its width, a text is there as a whole."""
    line = written(columns_within(COLUMNS, None), row_of(TRACE), None)

    for name in ("traceId", "provider", "modelRequested"):
        assert str(TRACE[name]) in line
    assert line.endswith("at home.")


@pytest.mark.parametrize(
    "text", ["plain words", "東京は晴れ", "a東b京c", "e\u0301" * 9, "👋" * 5, ""]
)
def test_a_cut_text_is_never_wider_than_asked(text: str) -> None:
    """Also one of wide characters, and of characters that take no room."""
    for width in range(1, 12):
        assert width - 2 < shown_width(cut(text, width)) <= width or cut(text, width) == text
    assert cut(text, 100) == text


def test_no_sequence_of_a_service_reaches_the_terminal() -> None:
    """In no column, and in no JSON."""
    hostile = dict.fromkeys(TRACE, HOSTILE)
    for trace in (hostile, {**hostile, "status": "error", "error": {"message": HOSTILE}}):
        for width in (None, 80, 400):
            shown = written(columns_within(COLUMNS, width), row_of(trace), width)
            assert "hostile" in shown
            assert found_in(shown) == []
        assert found_in(json_line(trace)) == []
