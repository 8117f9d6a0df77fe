"""Write a recorded request as a program that sends it again: by curl, by Python.

The key stays where it is: in the environment. Streaming is left out, so that the answer is read
at once.
"""

from __future__ import annotations

import pprint
from collections.abc import Mapping
from dataclasses import dataclass

from pulse_otel.local.json_text import Json
from pulse_otel.local.pages import formatting, trace_fields
from pulse_otel.local.pages.formatting import Span

_STREAMING = ("stream", "stream_options")
_INCOMPLETE = ("pulse.cut", '"truncated": true')


@dataclass(frozen=True)
class Endpoint:
    """Where a request goes, the method that sends it, and what the service added to its body."""

    path: str
    method: str
    added: tuple[str, ...] = ()


@dataclass(frozen=True)
class Commands:
    """The programs."""

    curl: str
    python: str


_CHAT = Endpoint("/chat/completions", "chat.completions.create")
# The service needs `messages` beside the input (contract §3.7).
_RESPONSES = Endpoint("/responses", "responses.create", ("messages",))
_EMBEDDINGS = Endpoint("/embeddings", "embeddings.create", ("messages",))
_COMPLETIONS = Endpoint("/completions", "completions.create", ("messages",))
_MESSAGES = Endpoint("/v1/messages", "messages.create")
_EMBEDDING_OPERATION = "embeddings"
_OPERATIONS = (None, "chat", "text_completion", _EMBEDDING_OPERATION)


def commands(span: Span) -> Commands | None:
    """Return how to send the request of a call again; None if the page does not know."""
    body = trace_fields.body(span, "request")
    operation = trace_fields.attributes(span).get("gen_ai.operation.name")
    if span.get("kind") != "llm_call" or not isinstance(body, dict) or not body.get("model"):
        return None
    endpoint = _endpoint(body, span.get("provider"), operation)
    if endpoint is None:
        return None
    left_out = (*_STREAMING, *endpoint.added)
    sent = {name: value for name, value in body.items() if name not in left_out}
    note = ""
    if any(mark in formatting.as_json(sent) for mark in _INCOMPLETE):
        note = "# Parts of this request were not recorded.\n"
    return Commands(note + _curl(endpoint, sent), note + _python(endpoint, sent))


def _endpoint(body: Mapping[str, Json], provider: Json, operation: Json) -> Endpoint | None:
    if operation not in _OPERATIONS:
        return None
    if provider == "anthropic":
        return _MESSAGES if "messages" in body else None
    if operation == _EMBEDDING_OPERATION:
        return _EMBEDDINGS
    shapes = {"input": _RESPONSES, "messages": _CHAT, "prompt": _COMPLETIONS}
    return next((endpoint for name, endpoint in shapes.items() if name in body), None)


def _curl(endpoint: Endpoint, body: Mapping[str, Json]) -> str:
    base = '"${OPENAI_BASE_URL:-https://api.openai.com/v1}'
    headers: tuple[str, ...] = _OPENAI_HEADERS
    if endpoint is _MESSAGES:
        base, headers = '"${ANTHROPIC_BASE_URL:-https://api.anthropic.com}', _ANTHROPIC_HEADERS
    lines = [f'curl {base}{endpoint.path}"', *headers, "--data-binary @- <<'JSON'"]
    text = formatting.as_json(dict(body), indent=2)
    return " \\\n  ".join(lines) + f"\n{text}\nJSON\n"


_OPENAI_HEADERS = (
    '-H "Authorization: Bearer $OPENAI_API_KEY"', '-H "Content-Type: application/json"',
)  # fmt: skip
_ANTHROPIC_HEADERS = (
    '-H "x-api-key: $ANTHROPIC_API_KEY"', '-H "anthropic-version: 2023-06-01"',
    '-H "Content-Type: application/json"',
)  # fmt: skip


def _python(endpoint: Endpoint, body: Mapping[str, Json]) -> str:
    module, client = "openai", "OpenAI"
    if endpoint is _MESSAGES:
        module, client = "anthropic", "Anthropic"
    try:
        request = pprint.pformat(dict(body), width=96, sort_dicts=False)
    except RecursionError:
        request = formatting.TOO_DEEP
    return (
        f"from {module} import {client}\n\n"
        f"client = {client}()\n"
        f"request = {request}\n"
        f"print(client.{endpoint.method}(**request))\n"
    )
