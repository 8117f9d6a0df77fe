"""The real SDK clients, a scripted provider and the development trace service, on loopback."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import pytest
import requests
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

os.environ["PULSE_STRICT"] = "1"  # an internal error fails the test
for name in ("PULSE_API_KEY", "PULSE_API_URL", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"):
    os.environ.pop(name, None)
# No test leaves loopback: without the public certificates, an HTTP client is made in no time
# instead of 30 ms. This folder has none.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = str(Path(__file__).parent)
# Else each of some hundred children would compile the SDKs anew, for seconds.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Which models an SDK calls deprecated changes with its releases: children never hear of it; for
# this process see `deprecated_models`.
os.environ["PYTHONWARNINGS"] = "ignore:The model:DeprecationWarning"

T = TypeVar("T")

KEY = "pulse_sk_test"
MESSAGES = [{"role": "user", "content": "Hello Pulse"}]
DEPRECATED = "claude-deprecated"  # the one model that the anthropic SDK warns about here
ROOT = Path(__file__).parent.parent

collect_ignore = ["test_server.py"]  # the live check: a program, not a test


def pytest_configure() -> None:
    """Import what the delivery worker imports at its first request, outside of any test.

    In a test, an error of the import would look like one of the request; and the warning filters
    of that test would apply to it.
    """
    from pulse_otel.export.transport import failures  # noqa: F401


def pytest_collection_finish() -> None:
    """What was imported until now stays: the tests' many collections need not walk through it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def deprecated_models() -> Iterator[None]:
    """Let the anthropic SDK warn about `DEPRECATED` alone, whatever this release lists."""
    from anthropic.resources.messages import messages

    table = getattr(messages, "DEPRECATED_MODELS", {})
    with mock.patch.dict(table, {DEPRECATED: "a later day"}, clear=True):
        yield


@pytest.fixture(scope="session")
def behind() -> Iterator[ThreadPoolExecutor]:
    """Ends servers while the next test runs already: uvicorn takes 150 ms to say goodbye."""
    with ThreadPoolExecutor(4) as ending:
        yield ending


@contextlib.contextmanager
def ended_behind(server: contextlib.AbstractContextManager[T], behind: Executor) -> Iterator[T]:
    """The running `server`; the block's end does not wait for its own."""
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(server)
        behind.submit(stack.pop_all().close)


@pytest.fixture
def provider(behind: Executor) -> Iterator[Any]:
    from pulse_otel.local.provider.server import ScriptedProvider
    from tests.provider.endpoints import TEST_ENDPOINTS

    with ended_behind(ScriptedProvider(TEST_ENDPOINTS), behind) as running:
        yield running


class Service:
    """The development trace service, and how to read from it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def traces(self, count: int, **filters: Any) -> list[dict[str, Any]]:
        """The traces, once there are `count` of them: an accepted span is stored later."""
        deadline = time.monotonic() + 15
        while True:
            answer = requests.get(
                f"{self.url}/v1/traces",
                params={"limit": 1000, **filters},
                headers={"Authorization": f"Bearer {KEY}"},
                timeout=10,
            )
            answer.raise_for_status()
            found: list[dict[str, Any]] = answer.json()["traces"]
            if len(found) >= count or time.monotonic() > deadline:
                assert len(found) == count
                return found
            time.sleep(0.05)


@pytest.fixture
def service(behind: Executor) -> Iterator[Service]:
    from pulse_otel.local.service.app import create_app
    from pulse_otel.local.serving import serving

    with ended_behind(serving(create_app()), behind) as url:
        yield Service(url)


@pytest.fixture
def pulse(service: Service) -> Iterator[Service]:
    """`init_pulse` to the development service; shut down afterwards."""
    import pulse_otel

    pulse_otel.init_pulse({"api_key": KEY, "api_url": service.url})
    yield service
    pulse_otel.shutdown()


class Clients:
    """Makes clients of the real SDKs towards the scripted provider, and closes them at the end.

    A client left to the garbage collector leaves its sockets to it too, and the warning about
    them would fall on whichever test runs by then.
    """

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._made: list[Any] = []

    def openai(self, **settings: Any) -> Any:
        import openai

        settings = {
            "api_key": "sk-caller",
            "base_url": self._provider.openai_url,
            "max_retries": 0,
            **settings,
        }
        return self._keep(openai.OpenAI(**settings))

    def anthropic(self, **settings: Any) -> Any:
        import anthropic

        settings = {
            "api_key": "k",
            "base_url": self._provider.anthropic_url,
            "max_retries": 0,
            **settings,
        }
        return self._keep(anthropic.Anthropic(**settings))

    def _keep(self, client: Any) -> Any:
        self._made.append(client)
        return client

    def close(self) -> None:
        for client in self._made:
            client.close()


@pytest.fixture
def clients(provider: Any) -> Iterator[Clients]:
    made = Clients(provider)
    yield made
    made.close()


@pytest.fixture
def openai_client(clients: Clients) -> Any:
    return clients.openai()


@pytest.fixture
def anthropic_client(clients: Clients) -> Any:
    return clients.anthropic()


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """The spans at a user's own exporter; Pulse itself is not listening."""
    import pulse_otel

    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    pulse_otel.init_pulse(
        {"api_key": KEY, "api_url": "http://127.0.0.1:9", "tracer_provider": provider}
    )
    yield memory
    pulse_otel.shutdown(0)


def towards(provider: Any, service_url: str) -> dict[str, str]:
    """The environment of a program that calls the provider with both SDKs and records it there."""
    return {
        "PULSE_API_KEY": KEY,
        "PULSE_API_URL": service_url,
        "OPENAI_API_KEY": "sk-caller",
        "ANTHROPIC_API_KEY": "sk-ant-caller",
        "OPENAI_BASE_URL": provider.openai_url,
        "ANTHROPIC_BASE_URL": provider.anthropic_url,
    }


RunPython = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_python() -> RunPython:
    """Run a script in a process of its own, so that global state and exit are real."""

    def run(script: str, timeout: float = 40, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture
def server() -> Iterator[Any]:
    from tests.faults import FaultServer

    with FaultServer() as running:
        yield running


@pytest.fixture
def not_strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of ours, or of an object that the test plants, is counted as it is for users."""
    monkeypatch.setenv("PULSE_STRICT", "0")


@pytest.fixture(autouse=True)
def every_complaint_is_heard() -> None:
    """A complaint is not held back because an earlier test had the same within the minute."""
    from pulse_otel.log import rate_limited

    rate_limited._next.clear()


@pytest.fixture(autouse=True)
def no_internal_error(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In strict mode, an internal error fails the test, whichever thread it was in.

    `monkeypatch` is asked for so that what a test set with it still holds here.
    """
    from pulse_otel.guard import internal_errors

    before = internal_errors()
    yield
    if os.environ.get("PULSE_STRICT") == "1":
        assert internal_errors() == before
