"""Make replies in the shape of Anthropic's text completions, the API before Messages."""

from __future__ import annotations

from typing import Any

from pulse_otel.local.provider.anthropic_replies import ANTHROPIC_MODEL
from pulse_otel.local.provider.reply import DEFAULT_TEXT, Reply, new_id, pieces, streamed, to_json


def anthropic_completion(text: str = DEFAULT_TEXT, *, model: str = ANTHROPIC_MODEL) -> Reply:
    """Make a text completion."""
    return Reply(body=to_json(_completion(text, model, "stop_sequence")))


def anthropic_completion_stream(text: str = DEFAULT_TEXT, *, model: str = ANTHROPIC_MODEL) -> Reply:
    """Make a text completion as server-sent events."""
    events = [_completion(piece, model, None) for piece in pieces(text)]
    events.append(_completion("", model, "stop_sequence"))
    return streamed([_sse(event) for event in events], 0.0)


def _completion(text: str, model: str, stop_reason: str | None) -> dict[str, Any]:
    return {
        "type": "completion",
        "id": new_id("compl"),
        "completion": text,
        "stop_reason": stop_reason,
        "model": model,
    }


def _sse(event: dict[str, Any]) -> bytes:
    return b"event: completion\ndata: " + to_json(event) + b"\n\n"
