"""What an open stream keeps: the text, not the SDK's models of it."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from pulse_otel import observe
from pulse_otel.local.provider.replies import chat_stream, message_stream
from tests.conftest import MESSAGES, Clients
from tests.instrumentation.billing import chunk, events

WORDS = " ".join(["word"] * 1000)


def _peak(stream: Any) -> int:
    """Bytes taken while the stream was read and thrown away."""
    next(stream)
    tracemalloc.start()
    for _ in stream:
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


WITHOUT_IDS = [{**chunk({"content": "word "}), "id": "", "model": ""}] * 1000


@pytest.mark.parametrize("sdk", ["openai", "anthropic", "openai without ids"])
def test_a_long_stream_is_kept_as_its_text(
    provider: Any, clients: Clients, spans: Any, sdk: str
) -> None:
    def opened(client: Any) -> Any:
        if sdk != "anthropic":
            whole = sdk == "openai"
            provider.enqueue(chat_stream(WORDS) if whole else events(*WITHOUT_IDS, "[DONE]"))
            return client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        provider.enqueue(message_stream(WORDS))
        return client.messages.create(model="m", max_tokens=5, messages=MESSAGES, stream=True)

    name = sdk.split()[0]
    bare = _peak(opened(getattr(clients, name)()))

    recorded = _peak(opened(observe(getattr(clients, name)(), name)))

    assert recorded - bare < 400_000  # 1,000 models are 2.3 MB
