"""What counts the runs of frameworks, and the programs that it runs."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

import framework_cell
import other_sdks
from framework_cases import CASES, PROGRAMS, Case
from framework_figures import Due, counted
from other_sdk_cases import PROGRAMS as OTHER_PROGRAMS
from other_sdk_cases import SDKS

CALL = {"kind": "llm_call", "inputTokens": 120, "outputTokens": 45, "sessionId": "agent"}
TOOL = {"kind": "tool_use", "toolInput": {"city": "Paris"}, "toolResponse": "22"}
AGENT: dict[str, Any] = {"kind": "agent_run", "spanId": "a", "traceId": "1", "sessionId": "agent"}
RUN: list[dict[str, Any]] = [
    AGENT,
    {**CALL, "spanId": "b", "parentSpanId": "a", "traceId": "1"},
    {**TOOL, "spanId": "c", "parentSpanId": "a", "traceId": "1", "sessionId": "agent"},
]
DUE = Due(calls=1, unstated=0, tokens=165, tools=1, runs=("agent",))
FAULTS: dict[str, tuple[list[dict[str, Any]], dict[str, str]]] = {
    "a call of which there are two": (
        [*RUN, {**CALL, "spanId": "d", "parentSpanId": "a", "traceId": "1"}],
        {"records": "2 of 1", "tokens": "330 of 165"},
    ),
    "a call in another trace": (
        [AGENT, {**RUN[1], "traceId": "2", "parentSpanId": None}, RUN[2]],
        {"trees": "2 of 1 in 2 traces"},
    ),
    "a parent that never came": (
        [AGENT, RUN[1], {**RUN[2], "parentSpanId": "lost"}],
        {"trees": "2 of 1", "orphans": "1"},
    ),
    "a tool without its input": (
        [*RUN[:2], {**RUN[2], "toolInput": None}],
        {"tools": "1 of 1, 1 emptied"},
    ),
    "an agent of another session": (
        [{**AGENT, "sessionId": "1"}, *RUN[1:]],
        {"session": "2 of 3"},
    ),
    "a call without its tokens": (
        [AGENT, {**RUN[1], "inputTokens": None}, RUN[2]],
        {"tokens": "45 of 165"},
    ),
}
PROGRAM = """\
import openai
import pulse_otel

# Pulse: every client of the SDK, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()

with pulse_otel.session("call"):
    asked = [{"role": "user", "content": "What is the weather in Paris?"}]
    openai.OpenAI().chat.completions.create(model="gpt-4o-mini", messages=asked)
"""


def test_a_run_of_which_all_arrived_once_has_no_faults() -> None:
    assert counted(RUN, DUE).faults() == {}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found_and_no_other(name: str) -> None:
    spans, found = FAULTS[name]

    assert counted(spans, DUE).faults() == found


@pytest.mark.parametrize(("way", "records"), [("ours alone", 1), ("own spans", 2)])
def test_a_cell_is_what_the_service_has_of_a_real_run(
    way: str, records: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The own spans here repeat the call, as those of some frameworks do."""
    monkeypatch.setattr("framework_cases.PROGRAMS", tmp_path)
    (tmp_path / "program.py").write_text(PROGRAM)
    own = "with trace.get_tracer('a').start_as_current_span('again') as span:\n"
    own += "    span.set_attribute('gen_ai.operation.name', 'chat')\n"
    own += "    span.set_attribute('gen_ai.request.model', 'gpt-4o-mini')\n"
    case = Case("one", "program.py", (), own, tools=0, runs=("call",))

    figures = framework_cell.run_cell(case, way, Path(sys.executable))

    assert figures.failed == ""
    assert (figures.calls, figures.records) == (1, records)
    assert figures.tokens == figures.tokens_due == 165


def test_a_program_that_fails_is_told() -> None:
    figures = replace(counted(RUN, DUE), failed="exit 1: no such module")

    assert figures.faults() == {"program": "failed"}


def test_each_framework_has_its_program_and_each_program_its_framework() -> None:
    files = {path.name for path in PROGRAMS.iterdir() if path.is_file()}

    assert files == {case.file for case in CASES}
    assert {path.name for path in OTHER_PROGRAMS.iterdir()} == {case.file for case in SDKS}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_program_has_the_sessions_of_its_row_and_fits_a_screen(case: Case) -> None:
    text = case.program.read_text(encoding="utf-8")

    assert all(f'"{run}"' in text.replace("\\", "") or f"run={run}&" in text for run in case.runs)
    assert "init_pulse()" in framework_cell.setup_of(case)
    if case.program.suffix == ".py":
        assert len(text.splitlines()) <= 70
        assert f"python examples/frameworks/{case.file}" in text


@pytest.mark.parametrize(
    ("column", "without"),
    [
        ("answer", {"outputText": None}),
        ("messages", {"metadata": {}}),
        ("tokens", {"inputTokens": 30}),
        ("cost", {"costCents": None}),
        ("session", {"sessionId": "1"}),
    ],
)
def test_what_a_call_of_another_sdk_lacks_is_not_counted(
    column: str, without: dict[str, Any]
) -> None:
    asked = {"messages": [{"role": "user", "content": "What is the weather in Paris?"}]}
    call = {
        **CALL,
        "traceId": "1",
        "model": "m",
        "outputText": "Paris",
        "finishReason": "stop",
        "costCents": 0.1,
        "metadata": {"pulse.request": asked},
    }

    both = other_sdks.figures([call, {**call, **without}])

    counts = {name: both[name] for name in ("messages", "answer", "tokens", "cost", "session")}
    assert counts == {name: 1 if name == column else 2 for name in counts}
