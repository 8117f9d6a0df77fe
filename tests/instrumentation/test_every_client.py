"""`init_pulse(instrument=True)`: every client of the program, each call once, two lines."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel import AnthropicInstrumentor, OpenAIInstrumentor, observe
from pulse_otel.config import load_config
from tests.conftest import KEY, MESSAGES, Clients, RunPython, Service

GPT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": MESSAGES}
CLAUDE: dict[str, Any] = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": MESSAGES}

TWO_LINES = """
import pulse_otel
pulse_otel.init_pulse(instrument=True)
"""
CALLS = """
import sys
assert not {"openai", "anthropic"} & sys.modules.keys()
from openai import OpenAI
with OpenAI() as gpt:
    gpt.chat.completions.create(
        model="gpt-4o-mini", messages=[dict(role="user", content="hi")], pulse_session_id="s"
    )
assert "anthropic" not in sys.modules, "an SDK was imported that the program does not use"
import anthropic
with anthropic.Anthropic() as claude:
    claude.messages.create(
        model="m", max_tokens=9, messages=[dict(role="user", content="hi")],
        extra_headers=pulse_otel.call(session_id="s"),
    )
"""
# Both SDKs are there, and one has a client already; turned on twice.
AFTERWARDS = """
import anthropic, openai, pulse_otel
gpt, claude = openai.OpenAI(), anthropic.Anthropic()
create = gpt.chat.completions.create
pulse_otel.init_pulse(instrument=True)
pulse_otel.init_pulse(instrument=True)
ask = dict(model="m", messages=[dict(role="user", content="hi")])
create(**ask)
claude.messages.create(max_tokens=9, **ask)
gpt.close(); claude.close()
"""


@pytest.fixture
def environ(provider: Any, service: Service) -> dict[str, str]:
    return {
        "PULSE_API_KEY": KEY,
        "PULSE_API_URL": service.url,
        "OPENAI_API_KEY": "k",
        "ANTHROPIC_API_KEY": "k",
        "OPENAI_BASE_URL": provider.openai_url,
        "ANTHROPIC_BASE_URL": provider.anthropic_url,
    }


PROGRAMS = {
    "SDKs that are imported later": TWO_LINES + CALLS,
    "SDKs and clients that were there": AFTERWARDS,
    "the environment says it": f"import pulse_otel; pulse_otel.init_pulse()\n{CALLS}",
    "observed, too": TWO_LINES
    + CALLS.replace("as gpt:", "as gpt:\n    pulse_otel.observe(gpt)").replace(
        "as claude:", "as claude:\n    pulse_otel.observe(claude)"
    ),
    "instrumented, too": TWO_LINES
    + CALLS.replace("import anthropic\n", "import anthropic\ninstrument()\n").replace(
        "import sys\n",
        "import sys\n"
        "def instrument():\n"
        "    pulse_otel.OpenAIInstrumentor().instrument()\n"
        "    pulse_otel.AnthropicInstrumentor().instrument()\n",
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_call_is_recorded_once(
    name: str, environ: dict[str, str], service: Service, run_python: RunPython
) -> None:
    if name == "the environment says it":
        environ["PULSE_INSTRUMENT"] = "true"

    done = run_python(PROGRAMS[name], **environ)

    assert (done.returncode, done.stderr) == (0, "")
    traces = service.traces(2)
    assert {trace["provider"] for trace in traces} == {"openai", "anthropic"}
    if name != "SDKs and clients that were there":
        assert [trace["sessionId"] for trace in traces] == ["s", "s"]


LAUNCHED = """
import sys
from opentelemetry.instrumentation.auto_instrumentation import run
sys.argv[1:] = [sys.executable, "-c", {program!r}]
run()
"""


def test_under_opentelemetry_instrument_each_call_is_recorded_once(
    environ: dict[str, str], service: Service, run_python: RunPython
) -> None:
    environ |= {"OTEL_TRACES_EXPORTER": "pulse", "PULSE_INSTRUMENT": "true"}
    program = AFTERWARDS + "pulse_otel.flush_buffer(10)"

    done = run_python(LAUNCHED.format(program=program), **environ)

    assert done.returncode == 0, done.stderr
    assert {trace["provider"] for trace in service.traces(2)} == {"openai", "anthropic"}


@pytest.fixture
def memory() -> Any:
    yield InMemorySpanExporter()
    pulse_otel.shutdown(0)


def _init(memory: InMemorySpanExporter, **settings: Any) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    settings = {"api_key": KEY, "api_url": "http://127.0.0.1:9", "instrument": True, **settings}
    pulse_otel.init_pulse(**settings, tracer_provider=provider)


def test_it_lasts_until_shutdown_and_begins_again(
    memory: InMemorySpanExporter, clients: Clients, provider: Any
) -> None:
    gpt, claude = clients.openai(), clients.anthropic()

    def calls() -> int:
        before = len(memory.get_finished_spans())
        gpt.chat.completions.create(**GPT)
        claude.messages.create(**CLAUDE)
        with suppress_instrumentation():
            gpt.chat.completions.create(**GPT)
        return len(memory.get_finished_spans()) - before

    found = []
    for settings in ({}, {}, {"instrument": False}, {}, {"enabled": False}, {}):
        _init(memory, **settings)
        found.append(calls())
    pulse_otel.shutdown(0)
    found.append(calls())

    assert found == [2, 2, 0, 2, 0, 2, 0]


def test_an_observed_client_keeps_its_options(
    memory: InMemorySpanExporter, clients: Clients
) -> None:
    _init(memory)
    observed, other = observe(clients.openai(), options={"session_id": "s"}), clients.openai()

    observed.chat.completions.create(**GPT)
    other.chat.completions.create(**GPT)

    found = [dict(span.attributes or {}).get("session.id") for span in memory.get_finished_spans()]
    assert found == ["s", None]


@pytest.mark.parametrize("instrumentor", [OpenAIInstrumentor, AnthropicInstrumentor])
def test_an_instrumentor_that_is_turned_off_leaves_it_on(
    instrumentor: Any, memory: InMemorySpanExporter, clients: Clients
) -> None:
    _init(memory)
    instrumentor().instrument()
    clients.openai().chat.completions.create(**GPT)
    instrumentor().uninstrument()
    clients.anthropic().messages.create(**CLAUDE)
    clients.openai().chat.completions.create(**GPT)

    assert len(memory.get_finished_spans()) == 3


def test_where_it_is_disabled_the_parameters_are_taken_all_the_same(
    memory: InMemorySpanExporter, clients: Clients, provider: Any
) -> None:
    _init(memory, enabled=False)

    clients.openai().chat.completions.create(**GPT, pulse_session_id="s")
    clients.anthropic().messages.create(**CLAUDE, pulse_metadata={"a": 1})

    assert memory.get_finished_spans() == ()
    assert not [sent for sent in provider.requests if b"pulse_" in sent.body]


@pytest.mark.parametrize("value", ["true", "openai", None])
def test_a_wrong_value_ends_no_program_that_records_nothing(value: Any) -> None:
    assert load_config({"enabled": False, "instrument": value}).instrument is (value == "true")
