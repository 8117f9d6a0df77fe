"""The live check `tests/test_server.py`, run as documented, with loopback in place of the world."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from pulse_otel.local.provider.replies import anthropic_error, chat, message, openai_error
from pulse_otel.local.serving import serving
from tests.conftest import KEY, ROOT, RunPython, Service

SCRIPT = str(ROOT / "tests" / "test_server.py")
KEYS = {"PULSE_API_KEY": KEY, "OPENAI_API_KEY": "sk-caller", "ANTHROPIC_API_KEY": "sk-ant-caller"}


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if name not in KEYS}
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        env={**bare, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )


def towards(provider: Any, service_url: str) -> dict[str, str]:
    return {
        **KEYS,
        "OPENAI_BASE_URL": provider.openai_url,
        "ANTHROPIC_BASE_URL": provider.anthropic_url,
        "PULSE_API_URL": service_url,
    }


@pytest.mark.parametrize(
    ("name", "reply"), [("openai", chat("Hello, Pulse!")), ("anthropic", message("Hello, Pulse!"))]
)
def test_the_call_is_made_and_its_trace_read_back(
    name: str, reply: Any, provider: Any, service: Service
) -> None:
    provider.enqueue(reply)

    done = run(name, **towards(provider, service.url))

    assert (done.returncode, done.stderr) == (0, "")
    (trace,) = service.traces(1)
    assert trace["provider"] == name
    lines = dict(
        line.split(maxsplit=1) for line in done.stdout.replace("look at", "at").splitlines()
    )
    assert lines["call:"] == "'Hello, Pulse!'"
    assert lines["sent:"] == "yes"
    assert lines["trace:"] == trace["traceId"]
    assert lines["tokens:"] == f"{trace['inputTokens']} in, {trace['outputTokens']} out"
    assert lines["at:"] == f"{service.url}/dashboard/traces/{trace['traceId']}"
    assert len(provider.requests) == 1
    assert "sk-" not in done.stdout


@pytest.mark.parametrize(
    ("name", "reply"), [("openai", openai_error(401)), ("anthropic", anthropic_error(401))]
)
def test_a_failed_call_is_said(name: str, reply: Any, provider: Any, service: Service) -> None:
    provider.enqueue(reply)

    done = run(name, **towards(provider, service.url))

    assert done.returncode == 1
    assert done.stdout.startswith("call:    failed, AuthenticationError: ")
    assert service.traces(1)[0]["status"] == "error"


def test_no_call_is_paid_for_where_there_is_no_service(provider: Any) -> None:
    """The provider stands in for it: it knows no traces."""
    done = run("openai", **towards(provider, provider.url))

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"service: {provider.url} cannot be read, HTTPError: 404")
    assert [request.method for request in provider.requests] == ["GET"]


def test_a_service_that_refuses_the_trace_is_said(provider: Any) -> None:
    async def serve(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        refused = b"traceId" in await request.body()
        answer = {"error": "Not today"} if refused else {"traces": []}
        await JSONResponse(answer, 400 if refused else 200)(scope, receive, send)

    with serving(serve) as url:
        done = run("openai", **towards(provider, url))

    assert done.returncode == 1
    assert f"sent:    no, {url}" in done.stdout
    assert "trace:" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "keys", "said"),
    [
        ((), (), "openai|anthropic"),
        (("gemini",), tuple(KEYS), "openai|anthropic"),
        (("openai",), (), "Not set: PULSE_API_KEY, OPENAI_API_KEY."),
        (("anthropic",), ("PULSE_API_KEY",), "Not set: ANTHROPIC_API_KEY."),
    ],
)
def test_without_keys_it_explains_itself(
    arguments: tuple[str, ...], keys: tuple[str, ...], said: str, provider: Any, service: Service
) -> None:
    environ = towards(provider, service.url)
    for name in KEYS.keys() - set(keys):
        del environ[name]

    done = run(*arguments, **environ)

    assert (done.returncode, done.stderr) == (2, "")
    assert said in done.stdout
    assert len(done.stdout.splitlines()) <= 3
    assert provider.requests == []


def test_a_key_that_is_none_is_said(provider: Any, service: Service) -> None:
    done = run("openai", **{**towards(provider, service.url), "PULSE_API_KEY": "nonsense-secret"})

    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.startswith("Pulse is not configured: api_key")
    assert "nonsense-secret" not in done.stdout
    assert provider.requests == []


COLLECT = """
import pytest

class Modules:
    def pytest_pycollect_makemodule(self, module_path):
        print("module", module_path.name)

others = ["--ignore-glob=*/test_[!s]*", "--ignore-glob=*/test_s[!e]*"]
folders = ["--ignore=tests/" + name for name in ("export", "instrumentation", "local")]
pytest.main(["-n0", "--collect-only", "-q", *others, *folders, "tests"], plugins=[Modules()])
"""


def test_pytest_leaves_the_script_alone(run_python: RunPython) -> None:
    printed = run_python(COLLECT).stdout.splitlines()

    assert "module test_servers.py" in printed
    assert "module test_server.py" not in printed
