"""An exchange: what a host answers to a call, and what the record of that call says.

The answers are written after the public formats; the sources are in docs/costs.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

# Host -> base URL, provider.
HOSTS: Final[Mapping[str, tuple[str, str]]] = {
    "openai": ("https://api.openai.com/v1", "openai"),
    "openai eu": ("https://eu.api.openai.com/v1", "openai"),
    "azure": ("https://corpus.openai.azure.com/openai/v1", "azure.ai.openai"),
    "groq": ("https://api.groq.com/openai/v1", "groq"),
    "xai": ("https://api.x.ai/v1", "x_ai"),
    "xai us": ("https://us.api.x.ai/v1", "x_ai"),
    "openrouter": ("https://openrouter.ai/api/v1", "openrouter"),
    "deepseek": ("https://api.deepseek.com", "deepseek"),
    "mistral": ("https://api.mistral.ai/v1", "mistral_ai"),
    "moonshot": ("https://api.moonshot.ai/v1", "moonshot_ai"),
    "perplexity": ("https://api.perplexity.ai", "perplexity"),
    "gemini": ("https://generativelanguage.googleapis.com/v1beta/openai", "gcp.gemini"),
    "together": ("https://api.together.xyz/v1", "together_ai"),
    "fireworks": ("https://api.fireworks.ai/inference/v1", "fireworks"),
    "cohere": ("https://api.cohere.ai/compatibility/v1", "cohere"),
    "ollama": ("http://localhost:11434/v1", "ollama"),
    "vllm": ("http://vllm.internal:8000/v1", "vllm"),
    "litellm": ("http://litellm.internal:4000", "litellm"),
    "gateway": ("https://gateway.example/v1", "openai"),
    "anthropic": ("https://api.anthropic.com", "anthropic"),
    "anthropic by openrouter": ("https://openrouter.ai/api", "openrouter"),
    "anthropic by deepseek": ("https://api.deepseek.com/anthropic", "deepseek"),
    "anthropic by moonshot": ("https://api.moonshot.ai/anthropic", "moonshot_ai"),
    "anthropic by litellm": ("http://litellm.internal:4000", "litellm"),
}


@dataclass(frozen=True)
class Expected:
    """What the record says. Input and output are totals; `cents` None: the cost is unknown."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    text: str | None = "Hello"
    finish: str | None = "stop"
    tools: tuple[str, ...] = ()
    error: str | None = None
    cents: float | None = None
    response_model: str | None = "as asked"


@dataclass(frozen=True)
class Exchange:
    """One answer, whole (an object) or streamed (a list of events), and the record of its call."""

    name: str
    host: str
    api: str
    model: str
    answer: Any
    expected: Expected
    status: int = 200
    asked: Mapping[str, Any] = field(default_factory=dict[str, Any])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    wrong: str | None = None  # why the record is not as expected, until that is mended

    @property
    def streamed(self) -> bool:
        return isinstance(self.answer, list)

    @property
    def id(self) -> str:
        return f"{self.host}: {self.api}, {self.name}".replace(" ", "-")


def cents(*parts: tuple[int, float]) -> float:
    """US cents of counts, each at its price in dollars for a million."""
    return sum(count * price for count, price in parts) / 10_000


def tool_calls(*names: str) -> list[dict[str, Any]]:
    return [
        {
            "index": i,
            "id": f"call_{i}",
            "type": "function",
            "function": {"name": name, "arguments": '{"city": "Paris"}'},
        }
        for i, name in enumerate(names)
    ]


def usage(prompt: int, completion: int, total: int | None = None, **more: Any) -> dict[str, Any]:
    """A usage of chat completions."""
    total = prompt + completion if total is None else total
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": total,
        **more,
    }


def cached(count: int, **more: int) -> dict[str, Any]:
    return {"prompt_tokens_details": {"cached_tokens": count, **more}}


def reasoned(count: int, **more: int) -> dict[str, Any]:
    return {"completion_tokens_details": {"reasoning_tokens": count, **more}}


class Host:
    """Makes the exchanges of one host and model."""

    def __init__(self, host: str, model: str, **asked: Any) -> None:
        self.host = host
        self.model = model
        self.asked = asked

    def chat(
        self,
        name: str,
        bill: Any,
        expected: Expected,
        *,
        message: Mapping[str, Any] | None = None,
        finish: str | None = "stop",
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Exchange:
        """A whole chat completion; `message` and `more` are added to it."""
        said = {"role": "assistant", "content": "Hello", **(message or {})}
        answer: dict[str, Any] = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_764_000_000,
            "model": self.model,
            "choices": [{"index": 0, "message": said, "finish_reason": finish}],
            "usage": bill,
            **more,
        }
        return Exchange(
            name,
            self.host,
            "chat",
            self.model,
            answer,
            expected,
            asked=self.asked,
            headers=headers or {},
        )

    def stream(
        self, name: str, chunks: Sequence[Mapping[str, Any]], expected: Expected
    ) -> Exchange:
        """A streamed chat completion; every chunk has the same head."""
        head = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1_764_000_000,
            "model": self.model,
        }
        events = [{**head, **chunk} for chunk in chunks]
        return Exchange(name, self.host, "chat", self.model, events, expected, asked=self.asked)

    def body(
        self, name: str, body: Any, expected: Expected, *, api: str = "chat", status: int = 200
    ) -> Exchange:
        """An answer of any shape; a list is a stream of events."""
        return Exchange(
            name, self.host, api, self.model, body, expected, status=status, asked=self.asked
        )


def says(text: str = "Hello", **more: Any) -> dict[str, Any]:
    """A chunk with text."""
    return delta({"role": "assistant", "content": text}, **more)


def delta(fields: Mapping[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk with one choice."""
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}], **more}


def ends(finish: str = "stop", **more: Any) -> dict[str, Any]:
    """The chunk with the finish reason."""
    return delta({}, finish, **more)


def bills(bill: Any, **more: Any) -> dict[str, Any]:
    """The last chunk of a stream that was asked for its usage."""
    return {"choices": [], "usage": bill, **more}
