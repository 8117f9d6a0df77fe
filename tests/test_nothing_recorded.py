"""`init_pulse()` and nothing observed: one line at the end, and only where it helps."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunPython, towards

START = """
import os, sys
import pulse_otel
from pulse_otel import AnthropicInstrumentor, OpenAIInstrumentor, Provider, init_pulse, observe
ASK = dict(model="m", messages=[dict(role="user", content="Hello")])

def ask_openai(wrap=lambda client: client):
    import openai
    with openai.OpenAI() as client:
        wrap(client).chat.completions.create(**ASK)

def ask_anthropic():
    import anthropic
    with anthropic.Anthropic() as client:
        client.messages.create(max_tokens=9, **ASK)
"""
TOLD = (
    "pulse-otel: nothing was recorded: init_pulse() alone records no client; use"
    " init_pulse(instrument=True) for every client, or observe(client) for one\n"
)

FORK = """
init_pulse()
ask_openai()
if os.fork():
    os.wait()
"""
SESSIONS = """
for _ in range(3):
    init_pulse()
    ask_openai()
    pulse_otel.shutdown()
"""


@pytest.fixture
def environ(provider: Any) -> dict[str, str]:
    return towards(provider, "http://127.0.0.1:9")


@pytest.mark.parametrize(
    "program",
    [
        "init_pulse(); ask_openai()",
        "ask_anthropic(); init_pulse()",
        SESSIONS,
        pytest.param(FORK, marks=pytest.mark.skipif("not hasattr(__import__('os'), 'fork')")),
    ],
    ids=["openai", "anthropic", "several times", "a forked child"],
)
def test_calls_of_which_none_is_recorded_are_told_once(
    program: str, environ: dict[str, str], run_python: RunPython
) -> None:
    done = run_python(START + program, **environ)

    assert (done.returncode, done.stderr) == (0, TOLD)


SILENT = {
    "no SDK": "init_pulse()",
    "an SDK without a call": "init_pulse(); import openai; openai.OpenAI(); sys.exit(0)",
    "no init_pulse": "ask_openai()",
    "turned off": "init_pulse(enabled=False); ask_openai()",
    "every client, of which none made a call": """
init_pulse(instrument=True); import openai
with openai.OpenAI() as client:
    try:
        client.models.list()
    except openai.NotFoundError:
        pass
""",
    "an observed client that made no call": """
init_pulse(); import openai
observe(openai.OpenAI(), Provider.OPENAI)
ask_openai()
""",
    "an instrumented SDK whose calls are not recorded": """
init_pulse(); OpenAIInstrumentor().instrument(); import openai
with openai.OpenAI() as client:
    try:
        client.models.list()
    except openai.NotFoundError:
        pass
""",
}


@pytest.mark.parametrize("case", SILENT)
def test_nothing_is_said_where_it_does_not_help(
    case: str, environ: dict[str, str], run_python: RunPython
) -> None:
    done = run_python(START + SILENT[case], **environ)

    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_is_said_where_the_sdk_of_opentelemetry_is_off(
    environ: dict[str, str], run_python: RunPython
) -> None:
    done = run_python(START + "init_pulse(); ask_openai()", OTEL_SDK_DISABLED="true", **environ)

    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_is_said_where_another_instrumentation_recorded_the_calls(
    environ: dict[str, str], server: Any, run_python: RunPython
) -> None:
    theirs = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
init_pulse()
tracer = trace.get_tracer("theirs")
with tracer.start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}):
    ask_openai()
"""
    done = run_python(START + theirs, **{**environ, "PULSE_API_URL": server.url})

    assert (done.returncode, "nothing was recorded" in done.stderr) == (0, False)
