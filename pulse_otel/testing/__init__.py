"""For tests: what the fixture `pulse_traces` records, and what is expected of it."""

from __future__ import annotations

from pulse_otel.testing.difference import explained
from pulse_otel.testing.entries import Call, Run, Tool, ToolCall
from pulse_otel.testing.expected import Expected, call, containing, run, tool
from pulse_otel.testing.traces import PulseTraces

__all__ = [
    "Call",
    "Expected",
    "PulseTraces",
    "Run",
    "Tool",
    "ToolCall",
    "call",
    "containing",
    "explained",
    "run",
    "tool",
]
