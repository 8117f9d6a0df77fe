"""Type-checked, never run: `observe` keeps the client's type, and so the editor's completion.

A wrong name is found, or the comment that expects it is.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from anthropic import AsyncAnthropic
from openai import AzureOpenAI, OpenAI
from openai.types.chat import ChatCompletion

import pulse_otel
import pulse_sdk
from pulse_otel import (
    ObserveOptions,
    Provider,
    __version__,
    flush_buffer,
    init_pulse,
    observe,
    shutdown,
)
from pulse_sdk import init_pulse as documented_init
from pulse_sdk import observe as documented_observe


def sync() -> ChatCompletion:
    """A sync client stays an OpenAI."""
    init_pulse({"api_key": "pulse_sk_x", "batch_size": 20}, flush_interval=2000)
    client: OpenAI = observe(OpenAI(), Provider.OPENAI, ObserveOptions(session_id="s"))
    return client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])


def without_a_provider() -> tuple[AsyncAnthropic, AzureOpenAI]:
    """The provider is found from the client, whose type stays what it is."""
    init_pulse(api_key="pulse_sk_x", instrument=True)
    claude: AsyncAnthropic = observe(AsyncAnthropic(), options={"session_id": "s"})
    azure: AzureOpenAI = observe(AzureOpenAI())
    provider = Provider.OPENAI if os.environ else None
    observe(azure, provider, {"user_id": "u"})
    observe(azure, session_id="s")  # pyright: ignore[reportCallIssue]
    observe()  # pyright: ignore[reportCallIssue]
    return claude, azure


async def asynchronous() -> str:
    """An async client stays what it is."""
    client: AsyncAnthropic = observe(AsyncAnthropic(), "anthropic", {"session_id": "s"})
    message = await client.messages.create(
        model="m", max_tokens=1, messages=[{"role": "user", "content": "hi"}]
    )
    ended: bool = flush_buffer(1.5) and shutdown()
    return f"{message.id} {ended}"


def settings(anything: dict[str, Any]) -> str:
    """Every setting is also a keyword, checked by name and type; None is "not given"."""
    init_pulse(api_key=os.environ.get("KEY"), spool_dir=Path("spool"), stream_usage="never")
    init_pulse(**anything)
    init_pulse(anything["config"], **anything)
    init_pulse(batchsize=4)  # pyright: ignore[reportCallIssue]
    init_pulse({"batchsize": 4})  # pyright: ignore[reportArgumentType]
    init_pulse(batch_size="ten")  # pyright: ignore[reportArgumentType]
    observe(OpenAI(), "openai", {"session": "s"})  # pyright: ignore[reportArgumentType]
    observe(OpenAI(), "openai", {"user_id": None, "metadata": {"a": 1}})
    documented_init(batch_size="ten")  # pyright: ignore[reportArgumentType]
    client: OpenAI = documented_observe(OpenAI(), "openai")
    client.close()
    pulse_sdk.flush()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    pulse_otel.flush()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    return __version__
