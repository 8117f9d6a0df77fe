"""`opentelemetry-instrument` on programs that know nothing of Pulse; the launcher is the real one.

What is installed differs: with and without the stock distro, with one SDK or both.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from pulse_otel.local.service.app import create_app
from pulse_otel.local.serving import serving
from pulse_otel.zero_code.environment import set_defaults
from tests.conftest import KEY, Service, towards
from tests.environments import Environment

OPENAI_APP = """
from openai import OpenAI
G = dict(model="gpt-4o-mini", messages=[dict(role="user", content="Hello Pulse")])
with OpenAI() as client:
    print(client.chat.completions.create(**G).choices[0].message.content)
    for chunk in client.chat.completions.create(stream=True, **G):
        pass
"""

ANTHROPIC_APP = """
from anthropic import Anthropic
C = dict(model="claude-haiku-4-5", max_tokens=9, messages=[dict(role="user", content="Hello")])
with Anthropic() as client:
    client.messages.create(pulse_session_id="session-1", **C)
    for event in client.messages.create(stream=True, **C):
        pass
"""


@pytest.fixture
def environ(provider: Any, service: Service) -> dict[str, str]:
    return towards(provider, service.url)


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    def write(source: str) -> Path:
        path = tmp_path / "app.py"
        path.write_text(source)
        return path

    return write


def test_with_this_package_and_one_sdk_alone(
    service: Service, environ: dict[str, str], program: Callable[[str], Path], tmp_path: Path
) -> None:
    """No distro, no anthropic: every call is one record, with its content, and nothing is said."""
    environment = Environment(tmp_path / "venv", "pulse-otel", "openai")
    assert not (environment.packages / "anthropic").exists()
    assert not (environment.packages / "opentelemetry" / "distro").exists()

    done = environment.instrument(
        program(OPENAI_APP), OTEL_TRACES_EXPORTER="pulse", OTEL_SERVICE_NAME="app", **environ
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()
    for trace in service.traces(2):
        assert trace["provider"] == "openai"
        assert trace["requestBody"]["messages"][0]["content"] == "Hello Pulse"


@pytest.mark.parametrize("first", ["pulse-otel", "opentelemetry-distro"])
def test_with_the_stock_distro_whichever_comes_first(
    first: str,
    service: Service,
    environ: dict[str, str],
    program: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    """Its metrics and logs exporters are not installed; and the option comes as a flag."""
    environment = Environment(tmp_path / "venv", "pulse-otel", "anthropic", "opentelemetry-distro")

    done = environment.instrument(
        program(ANTHROPIC_APP),
        "--traces_exporter",
        "pulse",
        **{**environ, "PYTHONPATH": environment.found_first(first, tmp_path / "first")},
    )

    assert done.returncode == 0, done.stderr
    second = {"pulse-otel": "configurator", "opentelemetry-distro": "pulse"}[first]
    assert done.stderr.strip().startswith(f"Configuration of {second} not loaded")
    assert len(done.stderr.splitlines()) == 1
    traces = service.traces(2)
    assert {trace["provider"] for trace in traces} == {"anthropic"}
    assert "session-1" in {trace["sessionId"] for trace in traces}


IN_A_STEP = """
from anthropic import Anthropic
from opentelemetry import trace
from pulse_otel import flush_buffer
C = dict(model="claude-haiku-4-5", max_tokens=9, messages=[dict(role="user", content="Hello")])
with Anthropic() as client, trace.get_tracer("app").start_as_current_span("step"):
    client.messages.create(**C)
    assert flush_buffer()
"""


def test_a_call_in_an_open_span_of_the_program_is_no_orphan_with_the_stock_distro(
    service: Service, environ: dict[str, str], program: Callable[[str], Path], tmp_path: Path
) -> None:
    """The span starts before anything is sent, and is not sent itself."""
    environment = Environment(tmp_path / "venv", "pulse-otel", "anthropic", "opentelemetry-distro")
    path = environment.found_first("opentelemetry-distro", tmp_path / "first")

    done = environment.instrument(
        program(IN_A_STEP), "--traces_exporter", "pulse", **{**environ, "PYTHONPATH": path}
    )

    assert done.returncode == 0, done.stderr
    (listed,) = service.traces(1)
    address = f"{service.url}/v1/traces/{listed['traceId']}"
    headers = {"Authorization": f"Bearer {KEY}"}
    (span,) = requests.get(address, headers=headers, timeout=10).json()["spans"]
    assert span.get("parentSpanId") is None


BOTH = """
from opentelemetry.instrumentation.auto_instrumentation import initialize
from pulse_otel import Provider, flush_buffer, init_pulse, observe
from anthropic import Anthropic
from openai import OpenAI

initialize()
initialize()
init_pulse()
G = dict(model="gpt-4o-mini", messages=[dict(role="user", content="hi")])
C = dict(model="claude-haiku-4-5", max_tokens=9, messages=[dict(role="user", content="hi")])
with OpenAI() as openai, Anthropic() as anthropic:
    observe(openai, Provider.OPENAI)
    openai.chat.completions.create(**G)
    anthropic.messages.create(**C)
    assert flush_buffer()
    anthropic.messages.create(**C)
"""


@pytest.fixture
def tapped() -> Iterator[tuple[Service, list[bytes]]]:
    """The service, and all that is posted to it: it keeps a span that comes twice only once."""
    app: Any = create_app()
    posted: list[bytes] = []

    async def tap(scope: Any, receive: Any, send: Any) -> None:
        async def listen() -> Any:
            message = await receive()
            posted.append(message.get("body", b""))
            return message

        await app(scope, listen, send)

    with serving(tap) as url:
        yield Service(url), posted


def test_init_pulse_and_initialize_again_under_the_launcher(
    tapped: tuple[Service, list[bytes]],
    environ: dict[str, str],
    program: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    """Two exporters of one project on one provider: a call is posted once, and flushed."""
    service, posted = tapped
    environment = Environment(tmp_path / "venv", "pulse-otel", "openai", "anthropic")

    done = environment.instrument(
        program(BOTH),
        OTEL_TRACES_EXPORTER="pulse,console",
        **{**environ, "PULSE_API_URL": service.url},
    )

    assert done.returncode == 0, done.stderr
    service.traces(3)
    assert b"".join(posted).count(b'"spanId"') == 3
    assert done.stdout.count('"gen_ai.operation.name": "chat"') == 3  # at the other exporter


SEEDED = """
import random

from openai import OpenAI

random.seed(1)
with OpenAI() as client:
    client.chat.completions.create(
        model="gpt-4o-mini", messages=[dict(role="user", content="Hello")]
    )
print(random.random())
"""


def test_a_program_that_seeds_random_loses_no_run(
    service: Service, environ: dict[str, str], program: Callable[[str], Path], tmp_path: Path
) -> None:
    """The service keeps one span of each id. Nor does the program's own sequence change."""
    environment = Environment(tmp_path / "venv", "pulse-otel", "openai")
    app = program(SEEDED)

    runs = [
        environment.instrument(app, OTEL_TRACES_EXPORTER="pulse", **environ).stdout
        for _ in range(2)
    ]

    assert runs == [f"{random.Random(1).random()}\n"] * 2
    service.traces(2)


CONFIG = """
file_format: "1.0"
resource: {attributes: [{name: service.name, value: declared}]}
tracer_provider:
  processors:
    - batch:
        exporter:
          pulse: {api_key: "${THE_KEY}", api_url: "${THE_URL}", protocol: auto, colour: blue}
instrumentation/development:
  python:
    pulse-openai: {stream_usage: never}
"""


def test_the_declarative_configuration_file(
    service: Service, environ: dict[str, str], program: Callable[[str], Path], tmp_path: Path
) -> None:
    """The exporter's arguments come from the file; a wrong one is told, and costs nothing."""
    config = tmp_path / "otel.yaml"
    config.write_text(CONFIG)
    environment = Environment(
        tmp_path / "venv", "pulse-otel", "openai", "opentelemetry-configuration"
    )
    secret, url = environ.pop("PULSE_API_KEY"), environ.pop("PULSE_API_URL")

    done = environment.instrument(
        program(OPENAI_APP.replace("**G)", 'pulse_session_id="s", **G)')),
        OTEL_CONFIG_FILE=str(config),
        THE_KEY=secret,
        THE_URL=url,
        **environ,
    )

    assert done.returncode == 0, done.stderr
    assert "colour" in done.stderr
    assert secret not in done.stderr
    traces = service.traces(2)
    assert {trace["sessionId"] for trace in traces} == {"s"}
    assert all(trace["requestBody"]["messages"] for trace in traces)


FORKED = """
import os, signal, time
from openai import OpenAI
from pulse_otel import flush_buffer
ask = dict(model="gpt-4o-mini", messages=[dict(role="user", content="Hello Pulse")])
with OpenAI() as client:
    if os.fork() == 0:
        client.chat.completions.create(pulse_session_id="child", **ask)
        os._exit(0 if flush_buffer(10) else 1)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
    client.chat.completions.create(pulse_session_id="parent", **ask)
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(9)
"""


def test_ends_that_nobody_sees(
    service: Service, environ: dict[str, str], program: Callable[[str], Path], tmp_path: Path
) -> None:
    """`os._exit` in a child after a flush; SIGTERM, opted in by the environment."""
    environment = Environment(tmp_path / "venv", "pulse-otel", "openai")

    done = environment.instrument(
        program(FORKED),
        OTEL_TRACES_EXPORTER="pulse",
        PULSE_FLUSH_ON_SIGTERM="1",
        PULSE_SERVICE_NAME="app",
        **environ,
    )

    assert done.returncode == -signal.SIGTERM, done.stderr
    traces = service.traces(2)
    assert {trace["sessionId"] for trace in traces} == {"child", "parent"}
    assert "app" in str(traces[0])


@pytest.mark.parametrize(
    ("environ", "arguments", "metrics"),
    [
        ({"OTEL_TRACES_EXPORTER": "pulse"}, [], "none"),
        ({"OTEL_TRACES_EXPORTER": "otlp, pulse"}, [], "none"),
        ({}, ["--traces_exporter=pulse", "python"], "none"),
        ({}, ["--service_name", "s", "--traces_exporter", "pulse", "python"], "none"),
        ({"OTEL_TRACES_EXPORTER": "pulse", "OTEL_METRICS_EXPORTER": "otlp"}, [], "otlp"),
        ({"OTEL_TRACES_EXPORTER": "pulse"}, ["--traces_exporter", "otlp"], None),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, [], None),
        ({}, ["--traces_exporter"], None),
        ({}, [], None),
    ],
)
def test_nothing_is_set_unless_pulse_gets_the_traces(
    environ: dict[str, str], arguments: list[str], metrics: str | None
) -> None:
    set_defaults(environ, arguments)
    assert environ.get("OTEL_METRICS_EXPORTER") == metrics
    assert environ.get("OTEL_LOGS_EXPORTER") == ("none" if metrics else None)
    assert environ.get("OTEL_PYTHON_ID_GENERATOR") == ("pulse" if metrics else None)
