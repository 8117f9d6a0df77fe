"""The parts of the page of a trace: figures, the axis, the request as a program."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from pulse_otel.local.pages import figures, repeat
from pulse_otel.local.pages.timeline import ticks
from tests.local.page_reading import trace_page, words
from tests.local.service_client import FULL, Client, span

BODY = {"model": "m", "messages": [{"role": "user", "content": 'It\'s "$HOME"\nJSON\n`id`'}]}


def call(body: Any = BODY, provider: str = "openai", **metadata: Any) -> dict[str, Any]:
    values = {"pulse.request": body, **metadata}
    return {"kind": "llm_call", "provider": provider, "status": "success", "metadata": values}


@pytest.mark.parametrize(
    ("duration", "labels"),
    [
        (0, []),
        (1, ["0 ms", "1 ms"]),
        (187, ["0 ms", "50 ms", "100 ms", "150 ms"]),
        (5200, ["0 s", "2 s", "4 s"]),
        (900_000, ["0 min", "5 min", "10 min", "15 min"]),
    ],
)
def test_the_marks_of_the_axis_are_round_figures(duration: int, labels: list[str]) -> None:
    assert [label for _, label in ticks(duration)] == labels


@pytest.mark.parametrize("duration", [*range(1, 200), 10**6, 10**9, 10**12])
def test_an_axis_has_a_few_marks_all_within_it(duration: int) -> None:
    places = [place for place, _ in ticks(duration)]
    assert 2 <= len(places) <= 6
    assert places == sorted(places)
    assert places[-1] <= 100


def test_tokens_are_split_into_their_parts() -> None:
    counted = {"inputTokens": 10, "outputTokens": 5}
    of_current = {**counted, "metadata": {"gen_ai.usage.cache_read.input_tokens": 4}}
    of_legacy = {**counted, "metadata": {"cache_read_tokens": 3, "input_audio_tokens": 2}}
    assert figures.tokens([of_current]) == "10 → 5 (4 cached)"
    assert figures.tokens([of_current, of_legacy]) == "20 → 10 (7 cached, 2 audio in)"
    assert figures.tokens([{}]) is None


def test_the_figures_of_a_call_are_seen_at_a_glance(client: Client, url: str) -> None:
    more = {
        "gen_ai.response.time_to_first_chunk": 0.25,
        "pulse.attempts": 3,
        "pulse.request_id": "req_1",
        "pulse.user_id": "ada",
    }
    trace = client.only_trace(span({**FULL, **more}))
    read = words(trace_page(url, trace["traceId"]))
    for shown in ("First chunk after 250 ms", "Attempts 3", "Request id req_1", "User ada"):
        assert shown in read


def test_tools_that_were_sent_are_there_with_their_definitions(client: Client, url: str) -> None:
    tool = {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}
    body = {**BODY, "tools": [{"type": "function", "function": tool}]}
    trace = client.only_trace(span({**FULL, "pulse.request": json.dumps(body)}))
    read = words(trace_page(url, trace["traceId"]))
    assert "Tools sent: look look Looks. Definition" in read


def test_curl_sends_the_body_as_it_was_whatever_it_contains(tmp_path: Any) -> None:
    """A shell reads the command: a `curl` of ours writes down what it gets."""
    fake = tmp_path / "curl"
    fake.write_text('#!/bin/sh\nfor one; do echo "$one"; done > "$0.args"\ncat > "$0.body"\n')
    fake.chmod(0o755)
    found = repeat.commands(call({**BODY, "stream": True}))
    assert found
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "OPENAI_API_KEY": "k"}
    subprocess.run(["/bin/sh", "-c", found.curl], env=environment, check=True)
    assert json.loads((tmp_path / "curl.body").read_text()) == BODY
    sent = (tmp_path / "curl.args").read_text()
    assert sent.startswith(
        "https://api.openai.com/v1/chat/completions\n-H\nAuthorization: Bearer k"
    )


@pytest.mark.parametrize(
    ("span", "method"),
    [
        (call(), "chat.completions.create"),
        (call({"model": "m", "input": "x", "messages": []}), "responses.create"),
        (
            call({"model": "m", "input": "x"}, **{"gen_ai.operation.name": "embeddings"}),
            "embeddings.create",
        ),
        (call({"model": "m", "prompt": "x"}), "completions.create"),
        (call(provider="anthropic"), "messages.create"),
    ],
)
def test_python_calls_the_method_with_the_body(span: dict[str, Any], method: str) -> None:
    found = repeat.commands(span)
    assert found
    program = found.python.replace("from openai import OpenAI", "").replace(
        "from anthropic import Anthropic", ""
    )
    called: list[Any] = []

    class Client:
        def __init__(self, path: str = "") -> None:
            self.path = path

        def __getattr__(self, name: str) -> Client:
            return Client(f"{self.path}.{name}".strip("."))

        def __call__(self, **body: Any) -> None:
            called.append((self.path, body))

    names: dict[str, Any] = {"OpenAI": Client, "Anthropic": Client, "print": lambda _: None}
    exec(program, names)
    sent = span["metadata"]["pulse.request"]
    extra = {"messages"} if "input" in sent else set()
    assert called == [(method, {name: v for name, v in sent.items() if name not in extra})]


@pytest.mark.parametrize(
    "span",
    [
        call(None),
        call({"messages": []}),
        {**call(), "kind": "tool_use"},
        call(**{"gen_ai.operation.name": "image_generation"}),
    ],
)
def test_a_request_that_cannot_be_repeated_is_no_command(span: dict[str, Any]) -> None:
    assert repeat.commands(span) is None


def test_a_request_that_was_cut_says_so() -> None:
    found = repeat.commands(call({**BODY, "pulse.cut": "the rest"}))
    assert found
    assert found.curl.startswith("# Parts of this request were not recorded.\ncurl ")
