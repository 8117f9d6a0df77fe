"""The endpoint rows of the `anthropic` SDK."""

from __future__ import annotations

from pulse_otel import semconv
from pulse_otel.instrumentation.anthropic import messages
from pulse_otel.instrumentation.anthropic.own_spans import replace_own_spans
from pulse_otel.instrumentation.anthropic.providers import provider_of
from pulse_otel.instrumentation.endpoint import Endpoint, Endpoints
from pulse_otel.instrumentation.patch import Patches

MESSAGES = Endpoint(
    sdk="anthropic",
    scope=semconv.SCOPE_ANTHROPIC,
    path="/v1/messages",
    operation=semconv.OPERATION_CHAT,
    provider=provider_of,
    request=messages.read_request,
    response=messages.read_response,
    assemble=messages.assemble,
    methods=(
        "anthropic.resources.messages:Messages.create",
        "anthropic.resources.messages:Messages.parse",
        "anthropic.resources.messages:Messages.stream",
        "anthropic.resources.beta.messages:Messages.create",
        "anthropic.resources.beta.messages:Messages.parse",
        "anthropic.resources.beta.messages:Messages.stream",
        # These hold their own references, copied when the SDK is imported.
        "anthropic.lib.bedrock._beta_messages:Messages.create",
        "anthropic.lib.vertex._beta_messages:Messages.create",
    ),
)

ENDPOINTS = Endpoints((MESSAGES,))
PATCHES = Patches("anthropic")


def install() -> Patches:
    """Patch the SDK. Raises ImportError if `anthropic` is not installed."""
    import anthropic

    PATCHES.install((anthropic.Anthropic, anthropic.AsyncAnthropic), ENDPOINTS)
    if PATCHES.active:
        replace_own_spans(PATCHES)
    return PATCHES
