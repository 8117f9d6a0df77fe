"""The demo, run the way a person runs it."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pulse_otel.cli import main
from pulse_otel.local.demo.calls import ANTHROPIC, OPENAI, Answer, calls_for
from pulse_otel.local.demo.traces import COLUMNS, MadeCall, Trace, legacy_session, problems
from pulse_otel.local.provider.replies import message, openai_error
from pulse_otel.local.provider.server import ScriptedProvider
from pulse_otel.local.service.app import create_app
from pulse_otel.local.service.legacy.app import create_legacy_app
from pulse_otel.local.serving import serving
from pulse_otel.terminal.table import columns_within

ROOT = Path(__file__).parents[3]
SECRET = "sk-secret-of-the-test"

MADE = MadeCall(
    calls_for(frozenset({OPENAI}))[0], "s-chat", Answer("Hello", input_tokens=2, output_tokens=1)
)
GOOD: Trace = {
    "provider": "openai",
    "modelRequested": "gpt-4o-mini",
    "status": "success",
    "sessionId": "s-chat",
    "inputTokens": 2,
    "outputTokens": 1,
    "costCents": 0.00009,  # 2 x 0.15 + 0.60 US dollars per million tokens
    "outputText": "Hello",
    "timestamp": "2026-11-28T12:00:00.000Z",
    "spans": [],
}
TOOL = {"kind": "tool_use", "toolName": "get_weather", "timestamp": GOOD["timestamp"]}
GOOD_LEGACY: Trace = {
    **{name: value for name, value in GOOD.items() if name != "spans"},
    "sessionId": legacy_session("s-chat"),
    "metadata": {"session_id": "s-chat"},
}

pytestmark = pytest.mark.timeout(120)


TERMINAL = {"PYTHONIOENCODING": "utf-8", "PULSE_STRICT": "1"}
OF_THIS_MACHINE = ("PULSE_", "OPENAI_", "ANTHROPIC_", "OTEL_")

Demo = Callable[..., "subprocess.CompletedProcess[str]"]


def demo(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `pulse-otel demo` in a pipe, without the keys of this machine."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(OF_THIS_MACHINE)}
    return subprocess.run(
        [sys.executable, "-m", "pulse_otel.cli", "demo", *options],
        env={**inherited, **TERMINAL, **variables},
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )


@pytest.fixture
def demo_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Demo:
    """The same in this process, which has imported both SDKs already: seconds less."""

    def run(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        for name in [name for name in os.environ if name.startswith(OF_THIS_MACHINE)]:
            monkeypatch.delenv(name)
        for name, value in {**TERMINAL, **variables}.items():
            monkeypatch.setenv(name, value)
        arguments = ["pulse-otel", "demo", *options]
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return subprocess.CompletedProcess(arguments, ended.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    """Stands in for the real providers of a live run."""
    with ScriptedProvider() as running:
        yield running


def test_demo() -> None:
    """Every call shows up in a table, which a pipe gets whole, and the exit status is 0."""
    done = demo()

    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    table = lines[: lines.index("")]
    assert table[0].split() == [
        *("time", "provider", "model", "in/out", "cents", "ms", "status", "session", "answer")
    ]
    rows = [line.split() for line in table[2:]]
    assert [row[1] for row in rows] == ["openai"] * 5 + ["anthropic"] * 2 + ["openai"]
    assert all("120/45" in row and "ok" in row for row in rows[:7])
    assert rows[7][2] == "no-such-model"
    assert "error" in rows[7]
    assert table[2].endswith("Paris is the capital of France.")
    assert table[3].endswith("each one a small lantern lit. The trace glows at dawn.")
    assert table[4].endswith("(calls a tool)")
    assert "claude-haiku-4-5" in table[7]
    assert "8 calls made, read back as 7 traces, all correct." in done.stdout
    assert "pulse-otel serve" in done.stdout
    # What goes on is said beside the table, not in it.
    assert "Calling anthropic: a message" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("width", "left"),
    [
        (104, "time provider model in/out cents ms status session answer"),
        (95, "provider model in/out cents ms status session answer"),
        (61, "model in/out ms status answer"),
        (40, "model answer"),
    ],
)
def test_a_narrow_terminal_loses_the_columns_that_matter_least(width: int, left: str) -> None:
    assert " ".join(column.title for column in columns_within(COLUMNS, width)) == left


def test_legacy() -> None:
    """The same calls against a service that speaks the legacy form only."""
    done = demo("--legacy")

    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[1] for line in lines[2:10]] == ["openai"] * 5 + ["anthropic"] * 2 + [
        "openai"
    ]
    assert "8 calls made, read back as 8 traces, all correct." in done.stdout
    assert "`pulse-otel serve --legacy`" in done.stdout


def test_settings_of_the_user_do_not_disturb(demo_here: Demo) -> None:
    """A Pulse that the user configured for their programs gets nothing without --live."""
    done = demo_here(
        PULSE_ENABLED="false",
        PULSE_CAPTURE_CONTENT="false",
        PULSE_PROTOCOL="traces",
        PULSE_API_KEY="pulse_sk_mine",
        PULSE_API_URL="http://127.0.0.1:9",
        HTTP_PROXY="http://127.0.0.1:9",
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("new_app", [create_app, create_legacy_app])
def test_live(provider: ScriptedProvider, new_app: Callable[[], Any], demo_here: Demo) -> None:
    """With keys it uses the providers and the Pulse that the environment names, of any form."""
    with serving(new_app()) as url:
        done = demo_here(
            "--live",
            OPENAI_API_KEY=SECRET,
            OPENAI_BASE_URL=provider.openai_url,
            ANTHROPIC_API_KEY=SECRET,
            ANTHROPIC_BASE_URL=provider.anthropic_url,
            PULSE_API_KEY="pulse_sk_hidden",
            PULSE_API_URL=url,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(provider.requests) == 8
    assert provider.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    assert SECRET not in done.stdout + done.stderr
    assert "pulse_sk_hidden" not in done.stdout + done.stderr


def test_live_with_one_provider(provider: ScriptedProvider, demo_here: Demo) -> None:
    """A provider without a key is skipped, and the run says so."""
    url = provider.anthropic_url
    done = demo_here("--live", ANTHROPIC_API_KEY=SECRET, ANTHROPIC_BASE_URL=url)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "OPENAI_API_KEY is not set: calls to openai are skipped." in done.stderr
    assert {received.path for received in provider.requests} == {"/v1/messages"}
    assert len(provider.requests) == 3


def test_live_with_a_bad_key(provider: ScriptedProvider, demo_here: Demo) -> None:
    """A call that fails is named, and the exit status says that not all is well."""
    provider.enqueue(*[openai_error(401, f"Incorrect API key: {SECRET}")] * 6)
    done = demo_here("--live", OPENAI_API_KEY=SECRET, OPENAI_BASE_URL=provider.openai_url)

    assert done.returncode == 1
    assert "chat (openai): the call failed: AuthenticationError" in done.stdout
    assert "result (openai): the call failed: NothingToAnswer" in done.stdout
    assert "5 of 6 traces are not correct." in done.stdout


def test_live_with_an_empty_answer(provider: ScriptedProvider, demo_here: Demo) -> None:
    """An empty answer is not a success."""
    provider.enqueue(message(""))
    url = provider.anthropic_url
    done = demo_here("--live", ANTHROPIC_API_KEY=SECRET, ANTHROPIC_BASE_URL=url)

    assert done.returncode == 1
    assert "message (anthropic): the answer is empty" in done.stdout


@pytest.mark.parametrize(
    ("variables", "explanation"),
    [
        pytest.param({}, "needs OPENAI_API_KEY or ANTHROPIC_API_KEY", id="no keys"),
        pytest.param(
            {"OPENAI_API_KEY": SECRET, "PULSE_API_URL": "http://127.0.0.1:9"},
            "PULSE_API_URL needs PULSE_API_KEY",
            id="no Pulse key",
        ),
        pytest.param(
            {
                "OPENAI_API_KEY": SECRET,
                "PULSE_API_KEY": "pulse_sk_hidden",
                "PULSE_API_URL": "http://127.0.0.1:9",
                "PULSE_PROTOCOL": "collector",
            },
            "PULSE_API_URL names a Collector",
            id="a Collector",
        ),
        pytest.param(
            {"OPENAI_API_KEY": SECRET, "PULSE_API_KEY": "not-a-pulse-key"},
            "api_key: expected",
            id="wrong Pulse key",
        ),
    ],
)
def test_live_that_cannot_run(
    variables: Mapping[str, str], explanation: str, demo_here: Demo
) -> None:
    """What is missing is said, and the exit status is 2."""
    done = demo_here("--live", **variables)

    assert done.returncode == 2
    assert explanation in done.stderr
    assert "Traceback" not in done.stderr


def test_live_and_legacy_with_a_pulse_of_the_users(demo_here: Demo) -> None:
    """Which of the two is meant is not guessed."""
    done = demo_here("--live", "--legacy", OPENAI_API_KEY=SECRET, PULSE_API_KEY="pulse_sk_mine")

    assert done.returncode == 2
    assert "leave out --legacy" in done.stderr


class TestProblems:
    """What the demo finds wrong with a trace."""

    def test_none(self) -> None:
        """A good trace has no problems."""
        assert problems(MADE, GOOD) == []
        assert problems(MADE, GOOD_LEGACY) == []

    def test_a_price_that_is_not_known(self) -> None:
        """A real account may have prices of its own."""
        made = dataclasses.replace(MADE, priced=False)
        assert problems(made, {**GOOD, "costCents": 0.5}) == []

    def test_a_missing_tool(self) -> None:
        """The result of a tool has a span in its trace."""
        call = next(call for call in calls_for(frozenset({OPENAI})) if call.tools)
        made = dataclasses.replace(MADE, call=call)

        assert problems(made, {**GOOD, "spans": [TOOL]}) == []
        assert problems(made, GOOD) == [
            "tools of its trace: expected ('get_weather',), the trace has ()"
        ]

    def test_missing(self) -> None:
        """A trace that is not there is one."""
        assert problems(MADE, None) == ["its trace did not arrive"]

    @pytest.mark.parametrize(
        ("field", "value", "name"),
        [
            ("provider", "sdk", "provider"),
            ("modelRequested", "unknown", "model"),
            ("status", "error", "status"),
            ("sessionId", "other", "session"),
            ("inputTokens", 1, "input tokens"),
            ("costCents", None, "cost in cents"),
            ("costCents", 0.00008, "cost in cents"),
            ("spans", [TOOL], "tools of its trace"),
            ("outputTokens", None, "output tokens"),
            ("outputText", None, "answer"),
        ],
    )
    def test_wrong_field(self, field: str, value: object, name: str) -> None:
        """Each field that differs is named."""
        found = problems(MADE, {**GOOD, field: value})

        assert [problem.partition(":")[0] for problem in found] == [name]

    @pytest.mark.parametrize(
        "fields",
        [
            {"sessionId": None},
            {"sessionId": legacy_session("other")},
            {"metadata": None},
            {"metadata": {"session_id": "other"}},
        ],
    )
    def test_wrong_legacy_session(self, fields: Trace) -> None:
        """Both the id and the name beside it must be right."""
        found = problems(MADE, {**GOOD_LEGACY, **fields})

        assert [problem.partition(":")[0] for problem in found] == ["session"]


def test_one_call_fails_whoever_is_asked() -> None:
    """Each set of providers has exactly one call that is meant to fail."""
    for providers in ({OPENAI}, {ANTHROPIC}, {OPENAI, ANTHROPIC}):
        assert sum(call.fails for call in calls_for(frozenset(providers))) == 1
