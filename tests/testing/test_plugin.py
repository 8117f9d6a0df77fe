"""The plugin in pytest runs of their own: found by its entry point, inert until it is used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

_CLIENT = """
import sys
import pytest
from pulse_otel.local.provider.replies import chat
from pulse_otel.local.provider.server import ScriptedProvider

@pytest.fixture(scope="module")
def provider():
    with ScriptedProvider() as running:
        yield running

def ask(provider, text):
    import openai
    provider.enqueue(chat(text))
    with openai.OpenAI(api_key="k", base_url=provider.openai_url, max_retries=0) as client:
        client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "How warm is it?"}]
        )
"""


def run_pytest(folder: Path, *arguments: str, **tests: str) -> str:
    """What pytest prints about `tests`, in a process that has none of this suite's settings."""
    for name, test in tests.items():
        (folder / f"test_{name}.py").write_text(test, encoding="utf-8")
    environ = {k: v for k, v in os.environ.items() if k not in ("CI", "BUILD_NUMBER")}
    plugins = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:timeout")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", *plugins, *arguments, folder],
        cwd=folder,
        env={**environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


_INERT = """
import sys

def loaded():
    names = {name.partition(".")[0] for name in sys.modules}
    return names & {"opentelemetry", "pulse_otel", "pulse_otel_pytest", "openai"}

def test_first():
    assert [1] == [2]

def test_second():
    assert loaded() == {"pulse_otel_pytest"}
"""


def test_a_run_that_does_not_use_it_imports_nothing_of_ours(tmp_path: Path) -> None:
    """The entry point brings one small module; a comparison that fails does not change that."""
    printed = run_pytest(tmp_path, inert=_INERT)

    assert "PASSED test_inert.py::test_second" in printed
    assert "1 failed, 1 passed" in printed


_IN_ORDER = """
from pulse_otel.testing import call, containing

def test_first(provider, pulse_traces):
    assert "openai" not in sys.modules  # it is recorded although it comes later
    ask(provider, "It is 18 degrees.")
    assert pulse_traces == [call(model="gpt-4o", tools=["get_weather"], answer=containing("22"))]

def test_second():
    from openai._base_client import SyncAPIClient
    assert not hasattr(SyncAPIClient.request, "__wrapped__")

def test_third(provider, pulse_traces):
    ask(provider, "It is 19 degrees.")
    assert pulse_traces.only_call.answer == "It is 19 degrees."
"""
_ASYNC = """
@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
@pytest.mark.parametrize("number", range(3))
async def test_it(number, provider, pulse_traces):
    import openai

    provider.enqueue(chat(str(number)))
    async with openai.AsyncOpenAI(api_key="k", base_url=provider.openai_url) as client:
        await client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}]
        )
    assert pulse_traces.only_call.answer == str(number)
"""


def test_in_parallel_processes_each_test_sees_its_own_calls_alone(tmp_path: Path) -> None:
    """Sync and async ones; what fails prints the table, and afterwards the SDK is bare."""
    printed = run_pytest(
        tmp_path, "-n", "2", "--dist", "loadfile", order=_CLIENT + _IN_ORDER, tasks=_CLIENT + _ASYNC
    )

    assert (
        """
E       AssertionError: assert recorded == expected, with 1 recorded and 1 expected
E                 field   expected          recorded
E         1 call  model   'gpt-4o'          'gpt-4o-mini'
E         1 call  answer  containing('22')  'It is 18 degrees.'
E         1 call  tools   ['get_weather']   []
"""
        in printed
    )
    assert "1 failed, 5 passed" in printed, printed


@pytest.mark.parametrize("module", ["opentelemetry", "pulse_otel"])
def test_the_module_of_the_entry_point_imports_neither_of_them(module: str) -> None:
    code = f"import sys, pulse_otel_pytest; sys.exit({module!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
