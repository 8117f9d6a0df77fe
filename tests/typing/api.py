"""Type-checked, never run: `observe` keeps the client's type, and so the editor's completion."""

from __future__ import annotations

from anthropic import AsyncAnthropic
from openai import OpenAI
from openai.types.chat import ChatCompletion

from pulse_otel import ObserveOptions, Provider, flush_buffer, init_pulse, observe, shutdown


def sync() -> ChatCompletion:
    """A sync client stays an OpenAI."""
    init_pulse({"api_key": "pulse_sk_x", "batch_size": 20}, flush_interval=2000)
    client: OpenAI = observe(OpenAI(), Provider.OPENAI, ObserveOptions(session_id="s"))
    return client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])


async def asynchronous() -> str:
    """An async client stays what it is."""
    client: AsyncAnthropic = observe(AsyncAnthropic(), "anthropic", {"session_id": "s"})
    message = await client.messages.create(
        model="m", max_tokens=1, messages=[{"role": "user", "content": "hi"}]
    )
    ended: bool = flush_buffer(1.5) and shutdown()
    return f"{message.id} {ended}"
