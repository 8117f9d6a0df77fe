"""The examples, each as the program that a user runs, and what arrives of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from pulse_otel.local.provider.replies import ToolCall, chat, chat_stream, message
from tests.conftest import ROOT, RunPython, Service, towards

EXAMPLES = ROOT / "examples"
# With opentelemetry-distro installed the launcher has two configurators, and says which it took.
CHOICE = "already loaded"
BIN = str(Path(sys.executable).parent)


class Example:
    """Runs examples against the scripted provider and the development service."""

    def __init__(self, provider: Any, service: Service) -> None:
        self.provider = provider
        self.service = service
        self.environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("OTEL_")},
            "PYTHONPATH": str(ROOT),
            **towards(provider, service.url),
        }

    def run(self, name: str, *launcher: str, **environ: str) -> str:
        """What the example printed; it must end well and complain of nothing."""
        done = subprocess.run(
            [*launcher, sys.executable, str(EXAMPLES / name)],
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        warned = [line for line in done.stderr.splitlines() if CHOICE not in line]
        assert (done.returncode, warned) == (0, [])
        return done.stdout


@pytest.fixture
def example(provider: Any, service: Service) -> Example:
    return Example(provider, service)


def test_quickstart_openai(example: Example) -> None:
    example.provider.enqueue(chat("Hello, Pulse!"))

    assert example.run("quickstart_openai.py") == "Hello, Pulse!\n"

    (trace,) = example.service.traces(1)
    assert (trace["provider"], trace["outputText"]) == ("openai", "Hello, Pulse!")
    assert trace["sessionId"] == "quickstart"
    assert trace["metadata"]["feature"] == "greeting"


def test_quickstart_anthropic(example: Example) -> None:
    example.provider.enqueue(message("Hello, Pulse!"))

    assert example.run("quickstart_anthropic.py") == "Hello, Pulse!\n"

    (trace,) = example.service.traces(1)
    assert (trace["provider"], trace["outputText"]) == ("anthropic", "Hello, Pulse!")
    assert trace["sessionId"] == "quickstart"
    assert trace["metadata"]["feature"] == "greeting"


def test_async_streaming(example: Example) -> None:
    answer = chat_stream("It is a tree.", include_usage=True)
    example.provider.enqueue(answer, answer)

    assert example.run("async_streaming.py") == "It is a tree.\n" * 2

    for trace in example.service.traces(2):
        assert trace["outputText"] == "It is a tree."
        assert trace["sessionId"] == "two-questions"
        assert trace["inputTokens"] == 120


def test_existing_pipeline(example: Example) -> None:
    """Pulse gets the LLM call alone, as a root; the console, which was there, gets both spans."""
    example.provider.enqueue(chat("Thank you!"))

    printed = example.run("existing_pipeline.py")

    assert printed.startswith("Thank you!\n")
    assert '"name": "handle order"' in printed
    assert '"name": "chat gpt-4o-mini"' in printed
    (trace,) = example.service.traces(1)
    (span,) = trace["spans"]
    assert (span["service"], span["outputText"]) == ("checkout", "Thank you!")
    assert span["parentSpanId"] is None


def test_zero_code(example: Example) -> None:
    assert "pulse" not in (EXAMPLES / "zero_code.py").read_text().rpartition('"""')[2]
    launcher = shutil.which("opentelemetry-instrument", path=BIN)
    assert launcher
    # As for somebody who has not installed what else this environment has.
    found = {item.name for item in entry_points(group="opentelemetry_instrumentor")}
    others = ",".join(name for name in found if not name.startswith("pulse-"))
    example.provider.enqueue(chat("Tracing."))

    printed = example.run(
        "zero_code.py",
        launcher,
        OTEL_TRACES_EXPORTER="pulse",
        OTEL_SERVICE_NAME="zero",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=others,
    )

    assert printed == "Tracing.\n"
    (trace,) = example.service.traces(1)
    assert trace["outputText"] == "Tracing."
    assert trace["requestBody"]["messages"][0]["content"].startswith("Name one thing")
    assert trace["services"] == ["zero"]


def test_lambda_handler(example: Example) -> None:
    example.provider.enqueue(chat("A late one."))

    assert example.run("lambda_handler.py") == "{'answer': 'A late one.'}\n"

    (trace,) = example.service.traces(1)
    assert (trace["sessionId"], trace["outputText"]) == ("s-1", "A late one.")


def test_agent(example: Example) -> None:
    """The whole run is one tree, with each thing once, and its address is printed."""
    asked = ToolCall(name="find_order", arguments={"number": "4711"}, id="toolu_1")
    example.provider.enqueue(message(None, tool_calls=[asked]), message("It is at sea."))

    printed = example.run("agent.py")

    (trace,) = example.service.traces(1)
    address = f"{example.service.url}/dashboard/traces/{trace['traceId']}"
    assert printed == f"It is at sea.\nIts trace: {address}\n"
    (run,) = [span for span in trace["spans"] if span["kind"] == "agent_run"]
    others = [span for span in trace["spans"] if span is not run]
    assert (run["agentName"], run["outputText"]) == ("handle ticket", "It is at sea.")
    assert sorted(span["label"] for span in others) == [
        "find_order",
        "provider_call",
        "provider_call",
    ]
    assert {span["parentSpanId"] for span in others} == {run["spanId"]}
    assert {span["sessionId"] for span in trace["spans"]} == {"customer-7"}


def test_the_tests_of_the_weather_agent_pass_without_a_service(example: Example) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "."],
        cwd=EXAMPLES / "testing",
        env={k: v for k, v in example.environ.items() if not k.startswith("PULSE_API")},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert (done.returncode, done.stdout.splitlines()[-1][:8]) == (0, "2 passed"), done.stdout
    assert example.service.traces(0) == []


def test_the_weather_agent_runs_as_a_program(example: Example) -> None:
    example.provider.enqueue(chat("It is 22 degrees."))

    assert example.run("testing/weather_agent.py") == "It is 22 degrees.\n"

    (trace,) = example.service.traces(1)
    assert trace["sessionId"] == "customer-7"


def test_a_lambda_is_recorded_before_its_handler_returns(
    example: Example, run_python: RunPython
) -> None:
    """Whatever happens to the process then: here it is gone at once, without an exit hook."""
    done = run_python(
        "import os, sys\n"
        f"sys.path.insert(0, {str(EXAMPLES)!r})\n"
        "from lambda_handler import handler\n"
        "handler({'question': 'q'}, None)\n"
        "os._exit(7)",
        **{**example.environ, "PYTHONPATH": str(ROOT)},
    )

    assert (done.returncode, done.stderr) == (7, "")
    example.service.traces(1)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_fits_a_screen_and_says_how_to_run_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= (60 if path.stem == "agent" else 40)
    assert f"python examples/{path.name}" in text
    assert f"def test_{path.stem}(" in Path(__file__).read_text(encoding="utf-8")
