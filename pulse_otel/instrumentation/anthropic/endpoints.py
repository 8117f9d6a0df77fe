"""The endpoint rows of the `anthropic` SDK, and which provider a client talks to."""

from __future__ import annotations

from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.anthropic import messages
from pulse_otel.instrumentation.anthropic.own_spans import replace_own_spans
from pulse_otel.instrumentation.call import Endpoint
from pulse_otel.instrumentation.patch import patch_copies, patch_endpoints

_CLASSES = (("Bedrock", "aws.bedrock"), ("Vertex", "gcp.vertex_ai"))


def provider_of(client: Any) -> str:
    """``gen_ai.provider.name`` by the client's class: the SDK's platform clients are subclasses."""
    name = type(client).__name__
    return next((provider for word, provider in _CLASSES if word in name), "anthropic")


MESSAGES = Endpoint(
    sdk="anthropic",
    scope=semconv.SCOPE_ANTHROPIC,
    module="anthropic.resources.messages",
    owner="Messages",
    method="create",
    operation=semconv.OPERATION_CHAT,
    provider=provider_of,
    request=messages.read_request,
    response=messages.read_response,
    assemble=messages.assemble,
)

ENDPOINTS = (MESSAGES,)


def install() -> None:
    """Patch the SDK. Raises ImportError if `anthropic` is not installed."""
    import anthropic

    patch_endpoints(ENDPOINTS)
    replace_own_spans()
    for client in (anthropic.Anthropic, anthropic.AsyncAnthropic):
        patch_copies(client)
