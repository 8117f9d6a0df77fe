"""The endpoint rows of the `openai` SDK."""

from __future__ import annotations

from pulse_otel import semconv
from pulse_otel.instrumentation.endpoint import Endpoint, Endpoints
from pulse_otel.instrumentation.openai import chat, usage
from pulse_otel.instrumentation.openai.providers import provider_of
from pulse_otel.instrumentation.patch import Patches

CHAT = Endpoint(
    sdk="openai",
    scope=semconv.SCOPE_OPENAI,
    path="/chat/completions",
    operation=semconv.OPERATION_CHAT,
    provider=provider_of,
    request=chat.read_request,
    response=chat.read_response,
    assemble=chat.assemble,
    methods=(
        "openai.resources.chat.completions:Completions.create",
        "openai.resources.chat.completions:Completions.parse",
        "openai.resources.chat.completions:Completions.stream",
        "openai.resources.beta.chat.completions:Completions.parse",  # before 1.92
        "openai.resources.beta.chat.completions:Completions.stream",
    ),
    ask_for_usage=usage.ask_for_usage,
    is_usage_chunk=usage.is_usage_chunk,
)

ENDPOINTS = Endpoints((CHAT,))
PATCHES = Patches("openai")


def install() -> Patches:
    """Patch the SDK. Raises ImportError if `openai` is not installed."""
    import openai

    PATCHES.install((openai.OpenAI, openai.AsyncOpenAI), ENDPOINTS)
    return PATCHES
