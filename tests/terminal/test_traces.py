"""`pulse-otel traces`: list, show and export, against both generations."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pulse_otel.terminal import reading
from pulse_otel.terminal.commands import run
from tests.conftest import KEY
from tests.faults import FaultServer, answer
from tests.local.legacy_client import LegacyClient
from tests.local.legacy_client import trace as legacy_trace
from tests.local.service_client import Client, eventually, span
from tests.test_terminal import HOSTILE, found_in

COUNT = 7
CALL = {
    "pulse.kind": "llm_call",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "pulse.output_text": "Hello",
    "pulse.request": '{"messages":[{"role":"user","content":"Who is there?"}]}',
}


def of_current(number: int, **fields: str) -> dict[str, Any]:
    session = fields.get("session", "chat")
    found = {**CALL, "pulse.session_id": session, "pulse.output_text": fields.get("text", "Hello")}
    found["gen_ai.request.model"] = fields.get("model", "gpt-4o-mini")
    status = {"code": 2} if "error" in fields else {}
    own = {"traceId": fields["id"]} if "id" in fields else {}
    return span(found, start=number, status=status, **own)


def of_legacy(number: int, **fields: str) -> dict[str, Any]:
    return legacy_trace(
        trace_id=fields.get("id", str(uuid.uuid4())),
        timestamp=f"2026-11-23T04:00:00.{number:03}Z",
        model_requested=fields.get("model", "gpt-4o-mini"),
        output_text=fields.get("text", "Hello"),
        session_id=str(uuid.uuid4()),
        metadata={"session_id": fields.get("session", "chat")},
        request_body=json.loads(CALL["pulse.request"]),
        status="error" if "error" in fields else "success",
    )


@pytest.fixture(params=["current", "legacy"])
def send(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., None]]:
    """Store calls, of the fields given, in a new project that the settings name."""
    legacy = request.param == "legacy"
    url = request.getfixturevalue(f"{request.param}_url")
    client = LegacyClient(url) if legacy else Client(url)
    monkeypatch.setenv("PULSE_API_URL", url)
    monkeypatch.setenv("PULSE_API_KEY", client.key)

    def calls(*fields: dict[str, str]) -> None:
        if isinstance(client, LegacyClient):
            client.upload("batch", [of_legacy(n, **one) for n, one in enumerate(fields)])
        else:
            client.send(*(of_current(n, **one) for n, one in enumerate(fields)))
        eventually(
            lambda: client.get("/v1/traces").json(), lambda found: found["total"] == len(fields)
        )

    yield calls
    client.close()


def shown(capsys: pytest.CaptureFixture[str], *command: str, status: int = 0) -> str:
    assert run("traces", command) == status
    return "".join(capsys.readouterr())


def test_export_gives_every_trace_once(
    send: Callable[..., None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes through all pages, and each line is what the service says."""
    send(*[{"text": f"answer {number}"} for number in range(COUNT)])
    monkeypatch.setattr(reading, "_PAGE", 3)

    lines = [json.loads(line) for line in shown(capsys, "export").splitlines()]

    assert [one["outputText"] for one in lines] == [
        f"answer {number}" for number in reversed(range(COUNT))
    ]
    assert len(shown(capsys, "export", "--limit", "2").splitlines()) == 2


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--status", "error"], ["fault"]),
        (["--model", "gpt-4o"], ["model"]),
        (["--session", "tools"], ["session"]),
        (["--text", "SESS"], ["session"]),
        (["--provider", "azure.ai.openai"], []),
        (["--provider", "openai", "--model", "gpt-4o"], ["model"]),
        (["--since", "1m"], []),
        (["--since", "2020-01-01", "--until", "2021-01-01"], []),
        (["--since", "2020-01-01"], ["session", "model", "fault"]),
    ],
    ids=lambda value: "-".join(value).replace("--", "") or "none",
)
def test_filters(
    send: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    found: list[str],
) -> None:
    """Also those that a service does not have, or refuses."""
    send(
        {"text": "fault", "error": "1"},
        {"text": "model", "model": "gpt-4o"},
        {"text": "session", "session": "tools"},
    )

    lines = shown(capsys, "export", *options).splitlines()

    assert [json.loads(line)["outputText"] for line in lines] == found


def test_list_and_show(send: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    """A trace is shown by its id, and an ambiguous beginning of one is explained."""
    ids = [str(uuid.uuid4())] * 2
    ids[1] = ids[0][:-1] + ("1" if ids[0][-1] == "0" else "0")
    send({"text": "first", "id": ids[0]}, {"text": "second", "session": "tools", "id": ids[1]})

    titles, _, second, first = shown(capsys, "list").splitlines()
    assert titles.split() == [
        *("time", "provider", "model", "in/out", "cents", "ms", "status", "session", "trace"),
        "answer",
    ]
    assert "tools" in second
    assert second.endswith("second")
    assert ids[0] in first

    told = shown(capsys, "show", ids[0])
    assert f"trace     {ids[0]}" in told
    assert "[user]\nWho is there?\n\n[answer]\nfirst\n" in told
    assert json.loads(shown(capsys, "show", ids[0], "--json"))["traceId"] == ids[0]
    several = shown(capsys, "show", ids[0][:9], status=1)
    assert several == f"Several traces begin with {ids[0][:9]}:\n{ids[1]}\n{ids[0]}\n"
    assert "No trace zz at" in shown(capsys, "show", "zz", status=1)


def test_a_tree_of_spans_is_shown_as_one(
    current_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each span is below its parent, a circle of parents ends, and the last answer is shown.

    The beginning of the id is enough.
    """
    client = Client(current_url)
    monkeypatch.setenv("PULSE_API_URL", current_url)
    monkeypatch.setenv("PULSE_API_KEY", client.key)
    tool = {"pulse.kind": "tool_use", "pulse.tool.name": "get_weather"}
    last = {**CALL, "pulse.output_text": "It is sunny."}
    client.send(
        span(
            {**CALL, "pulse.output_text": ""}, traceId="tree of spans", spanId="a", parentSpanId="c"
        ),
        span(
            tool, traceId="tree of spans", spanId="b", parentSpanId="a", start=1, status={"code": 2}
        ),
        span(last, traceId="tree of spans", spanId="c", parentSpanId="b", start=2),
    )
    client.stored(3)

    told = shown(capsys, "show", "tree")
    client.close()

    assert "tool_use get_weather 10 ms error" in told
    assert told.endswith("[answer]\nIt is sunny.\n")


HOSTILE_TRACE = {
    **dict.fromkeys(("traceId", "timestamp", "provider", "modelRequested", "outputText"), HOSTILE),
    "status": "error",
    "error": {"message": HOSTILE},
    "summary": HOSTILE,
    "sessionId": HOSTILE + "s",
    "requestBody": {"messages": [{"role": HOSTILE, "content": HOSTILE}, {"content": [HOSTILE]}]},
    "metadata": [HOSTILE],
    "spans": [HOSTILE, {"kind": HOSTILE, "label": HOSTILE}, {"error": HOSTILE, "status": "error"}],
}


@pytest.mark.parametrize("command", [["list"], ["show", "x"], ["export"]])
def test_a_hostile_service(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that it says is obeyed by the terminal, and no shape of it is an error."""
    body = {**HOSTILE_TRACE, "traces": [HOSTILE_TRACE, HOSTILE, {}], "total": 3}
    with FaultServer(then=answer(200, json.dumps(body).encode())) as server:
        monkeypatch.setenv("PULSE_API_URL", server.url)
        told = shown(capsys, *command)

    assert "hostile" in told
    assert found_in(told) == []


# Whatever page is asked for; `list` asks for more, as none meets its conditions.
SAME = json.dumps({"traces": [{"traceId": "a"}, {"traceId": "b"}], "total": 10**9}).encode()


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"<html>", 200, "check api_url / PULSE_API_URL"),
        (b"{}", 200, "the answer holds no traces"),
        (b'{"traces":{},"total":1}', 200, "the answer holds no traces"),
        (b'{"error":"Invalid API key"}', 401, "check api_key / PULSE_API_KEY"),
        (b'{"error":"Bad","details":[{"path":["model"]}]}', 400, "(400): Bad model"),
        (b"\x1b[2J", 500, "the service answered 500"),
        (b'{"error":"no"}', 403, "not allowed to read (403): check api_key / PULSE_API_KEY"),
        (SAME, 200, "the service gives the same traces on every page"),
    ],
)
def test_a_service_that_gives_no_traces(
    body: bytes,
    status: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The reason is in one line, with what to do."""
    with FaultServer(then=answer(status, body)) as server:
        monkeypatch.setenv("PULSE_API_URL", server.url)
        told = shown(capsys, "list", "--text", "nowhere", status=1)

    assert told.startswith(f"pulse-otel: {server.url}: ")
    assert said in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize("protocol", ["collector", "Collector"])
@pytest.mark.parametrize("command", [["tail"], ["traces", "list"], ["traces", "show", "1"]])
def test_a_collector_is_asked_for_no_traces(
    command: list[str],
    protocol: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would get the key; --api-url names the service, whatever the protocol."""
    monkeypatch.setenv("PULSE_PROTOCOL", protocol)
    with FaultServer(then=answer(403)) as server:
        monkeypatch.setenv("PULSE_API_URL", server.url)
        name, *options = command
        assert run(name, options) != 0
        told = "".join(capsys.readouterr())
        assert server.received == []

        assert run(name, [*options, "--api-url", server.url]) == 1

    assert "PULSE_PROTOCOL" in told
    assert {request.headers["authorization"] for request in server.received} == {f"Bearer {KEY}"}


def test_numbers_beyond_measure_are_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = f'{{"traceId":"a","status":"success","costCents":1{"0" * 400},"latencyMs":Infinity}}'
    with FaultServer(then=answer(200, f'{{"traces":[{trace}],"total":1}}'.encode())) as server:
        monkeypatch.setenv("PULSE_API_URL", server.url)
        row = shown(capsys, "list").splitlines()[-1].split()
        line = json.loads(shown(capsys, "export"), parse_constant=pytest.fail)

    assert row == ["ok", "a"]
    assert line["latencyMs"] is None


def test_pages_that_are_too_large_are_asked_for_in_parts(
    current_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Traces with long bodies are exported as all others."""
    client = Client(current_url)
    monkeypatch.setenv("PULSE_API_URL", current_url)
    monkeypatch.setenv("PULSE_API_KEY", client.key)
    client.send(*(of_current(number, text="x" * 20_000) for number in range(9)))
    client.stored(9)
    monkeypatch.setattr(reading, "_MOST_BYTES", 100_000)

    assert len(shown(capsys, "export").splitlines()) == 9
    client.close()
