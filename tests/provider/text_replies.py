"""Make replies in the shape of OpenAI's completions, embeddings, moderations and decisions."""

from __future__ import annotations

import array
import base64
from collections.abc import Mapping, Sequence
from typing import Any

from pulse_otel.local.provider.reply import DEFAULT_TEXT, Reply, new_id, pieces, streamed, to_json

_FLAGS = ("harassment", "hate", "self-harm", "sexual", "violence")


def completion(text: str = DEFAULT_TEXT, *, model: str = "davinci-002", choices: int = 1) -> Reply:
    """Make a text completion."""
    head = _completion_head(model)
    found = [_choice(index, text, "stop") for index in range(choices)]
    usage = {"prompt_tokens": 12, "completion_tokens": 6, "total_tokens": 18}
    return Reply(body=to_json({**head, "choices": found, "usage": usage}))


def completion_stream(
    text: str = DEFAULT_TEXT, *, model: str = "davinci-002", include_usage: bool = False
) -> Reply:
    """Make a text completion as server-sent events."""
    head = _completion_head(model)
    events = [{**head, "choices": [_choice(0, piece, None)]} for piece in pieces(text)]
    events.append({**head, "choices": [_choice(0, "", "stop")]})
    if include_usage:
        usage = {"prompt_tokens": 12, "completion_tokens": 6, "total_tokens": 18}
        events.append({**head, "choices": [], "usage": usage})
    chunks = [b"data: " + to_json(event) + b"\n\n" for event in events]
    return streamed([*chunks, b"data: [DONE]\n\n"], 0.0)


def embeddings(
    count: int = 1,
    *,
    model: str = "text-embedding-3-small",
    dimensions: int = 8,
    encoding_format: str = "float",
) -> Reply:
    """Make vectors, each as numbers or as base64."""
    vector: list[float] = [index / 8 for index in range(dimensions)]
    written: Any = vector
    if encoding_format == "base64":
        written = base64.b64encode(array.array("f", vector).tobytes()).decode()
    data = [{"object": "embedding", "index": index, "embedding": written} for index in range(count)]
    usage = {"prompt_tokens": 7, "total_tokens": 7}
    return Reply(body=to_json({"object": "list", "data": data, "model": model, "usage": usage}))


def moderation(
    count: int = 1, *, model: str = "omni-moderation-latest", flagged: Sequence[str] = ()
) -> Reply:
    """Make moderation results, the same for each input."""
    result = {
        "flagged": bool(flagged),
        "categories": {name: name in flagged for name in _FLAGS},
        "category_scores": {name: 0.9 if name in flagged else 0.001 for name in _FLAGS},
        "category_applied_input_types": {name: ["text"] for name in _FLAGS},
    }
    body = {"id": new_id("modr"), "model": model, "results": [result] * count}
    return Reply(body=to_json(body))


def decision(questions: Sequence[Mapping[str, Any]] = (), *, model: str = "gpt-6-luna") -> Reply:
    """Answer each question with the probability of a predicate."""
    names = [question.get("name") for question in questions]
    answers = [{"type": "predicate", "name": name, "probability": 0.93} for name in names]
    usage = {
        "input_tokens": 30,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 1,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 31,
    }
    return Reply(body=to_json({"answers": answers, "model": model, "usage": usage}))


def _completion_head(model: str) -> dict[str, Any]:
    return {
        "id": new_id("cmpl"),
        "object": "text_completion",
        "created": 1_767_225_600,
        "model": model,
    }


def _choice(index: int, text: str, reason: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": reason}
