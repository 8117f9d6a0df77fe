"""When what is imported, and by whom: counted modules, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.imports import BY_HAND, WAYS
from tests.conftest import KEY, ROOT, RunPython
from tests.faults import FaultServer

STANDARD = {"copy", "dataclasses", "ipaddress", "numbers"}


def loaded(code: str) -> set[str]:
    """The modules that a process without settings has after `code`."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PULSE_")}
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        env={**environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def by_hand() -> set[str]:
    return loaded(WAYS[BY_HAND])


def test_pulse_sdk_loads_what_pulse_otel_does_and_itself() -> None:
    assert loaded("import pulse_sdk") - loaded("import pulse_otel") == {"pulse_sdk"}


@pytest.mark.row("U7")
@pytest.mark.parametrize("way", [way for way in WAYS if "pulse" in way])
def test_beyond_opentelemetry_hardly_more_than_our_own_modules_are_loaded(
    way: str, by_hand: set[str]
) -> None:
    more = loaded(WAYS[way]) - by_hand
    others = {name for name in more if not name.startswith(("pulse_", "opentelemetry."))}

    assert others <= STANDARD
    assert len(more) < 0.45 * len(by_hand)


# Notes each module that is looked for from here on: by whom, and whether a fork would wait.
WATCH = """
import json, sys, threading
from pulse_otel.process.forks import loading

class Watch:
    seen = []

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        cls.seen.append((name, threading.current_thread().name, loading().locked()))

sys.meta_path.insert(0, Watch)
"""
CALL = f"""
import openai
from pulse_otel import Provider, flush_buffer, init_pulse, observe, stats

init_pulse(protocol="otlp", flush_interval=3_600_000)
client = observe(openai.OpenAI(api_key="k"), Provider.OPENAI)
{WATCH}
client.chat.completions.create(model="m", messages=[{{"role": "user", "content": "Hello"}}])
ended = len(Watch.seen)
assert flush_buffer(30)
print(json.dumps([stats().delivered, Watch.seen[:ended], Watch.seen[ended:]]))
"""


@pytest.fixture
def imports(
    provider: Any, server: FaultServer, run_python: RunPython
) -> tuple[list[Any], list[Any]]:
    """What the first call imports, and what its delivery does."""
    done = run_python(
        CALL,
        PULSE_API_KEY=KEY,
        PULSE_API_URL=server.url,
        OPENAI_BASE_URL=provider.openai_url,
    )
    assert (done.returncode, done.stderr) == (0, "")
    delivered, call, delivery = json.loads(done.stdout)
    assert delivered == 1
    return call, delivery


def test_a_call_imports_nothing_for_its_delivery(imports: tuple[list[Any], list[Any]]) -> None:
    names = {name for name, *_ in imports[0]}

    assert not [name for name in names if name.startswith(("requests", "urllib3", "pulse_otel."))]


def test_the_worker_imports_while_no_fork_can_happen(imports: tuple[list[Any], list[Any]]) -> None:
    by_worker = [seen for seen in imports[1] if seen[1].startswith("pulse-otel")]

    assert {"requests", "pulse_otel.export.payloads.otlp"} <= {name for name, *_ in by_worker}
    assert not [seen for seen in by_worker if not seen[2]]
    assert not [seen for seen in imports[1] if seen not in by_worker]


LATE = """
import sys, pulse_otel
from pulse_otel.instrumentation.recorder import recorders

class Late:
    def __init__(self):
        tracer = recorders.observed.tracer("test")
        self.span = tracer.start_span("chat m", attributes={"gen_ai.operation.name": "chat"})

    def __del__(self):
        assert sys.meta_path is None
        self.span.end()

pulse_otel.init_pulse(api_key="pulse_sk_late", api_url="http://127.0.0.1:9")
late = Late()
"""


def test_a_call_that_ends_when_nothing_can_be_imported_any_more_is_told(
    run_python: RunPython,
) -> None:
    done = run_python(LATE)

    assert done.stderr == "pulse-otel: a call that ended after shutdown() is not sent\n"


def test_the_other_distribution_of_that_import_name_is_warned_about(
    tmp_path: Path, run_python: RunPython
) -> None:
    (tmp_path / "pulse_sdk").symlink_to(ROOT / "pulse_sdk")
    use = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import pulse_sdk"
    assert run_python(use).stderr == ""

    (tmp_path / "pulse_trace_sdk-1.2.dist-info").mkdir()
    assert "pip uninstall pulse-trace-sdk" in run_python(use).stderr
