"""List the endpoints of the `anthropic` SDK."""

from __future__ import annotations

from pulse_otel import semconv
from pulse_otel.instrumentation.anthropic import bill, completions, events, messages
from pulse_otel.instrumentation.anthropic.own_spans import replace_own_spans
from pulse_otel.instrumentation.anthropic.threads import take_in_threads
from pulse_otel.instrumentation.endpoint import Endpoint, Endpoints
from pulse_otel.instrumentation.patch import Patches
from pulse_otel.instrumentation.providers import provider_of_anthropic

_BETA = "anthropic.resources.beta.messages"
# These classes hold references of their own, copied when the SDK is imported.
_COPIES = ("anthropic.lib.bedrock._beta_messages", "anthropic.lib.vertex._beta_messages")


def _methods(modules: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{module}:Messages.{name}" for module in modules for name in names)


# The clients of Bedrock and of Vertex AI rewrite the path beneath our hook.
MESSAGES = Endpoint(
    sdk="anthropic",
    scope=semconv.SCOPE_ANTHROPIC,
    path="/v1/messages",
    operation=semconv.OPERATION_CHAT,
    provider=provider_of_anthropic,
    request=messages.read_request,
    response=messages.read_response,
    bill=bill.read_bill,
    assemble=events.assemble,
    add_piece=events.add_piece,
    compact_chunk=events.compact_event,
    methods=(
        *_methods(("anthropic.resources.messages",), ("create", "parse", "stream")),
        # `tool_runner` and `thread` make calls later, each with what was given to them.
        *_methods((_BETA, *_COPIES), ("create", "parse", "stream", "tool_runner", "thread")),
    ),
)

# An operation of our own, as the conventions have none. It uses no tokens, so that it has no
# usage: sums over calls stay right. The count is `pulse.counted_tokens`.
COUNT_TOKENS = Endpoint(
    sdk="anthropic",
    scope=semconv.SCOPE_ANTHROPIC,
    path="/v1/messages/count_tokens",
    operation=semconv.OPERATION_COUNT_TOKENS,
    provider=provider_of_anthropic,
    request=messages.read_request,
    response=messages.read_count,
    methods=_methods(("anthropic.resources.messages", _BETA, *_COPIES), ("count_tokens",)),
)

COMPLETIONS = Endpoint(
    sdk="anthropic",
    scope=semconv.SCOPE_ANTHROPIC,
    path="/v1/complete",
    operation=semconv.OPERATION_TEXT_COMPLETION,
    provider=provider_of_anthropic,
    request=completions.read_request,
    response=completions.read_response,
    assemble=completions.assemble,
    methods=("anthropic.resources.completions:Completions.create",),  # before 1.0
)

ENDPOINTS = Endpoints((MESSAGES, COUNT_TOKENS, COMPLETIONS))
PATCHES = Patches("anthropic", ENDPOINTS)
replace_own_spans(PATCHES)
take_in_threads(PATCHES)


def install() -> Patches:
    """Patch the SDK. Raises ImportError if `anthropic` is not installed."""
    import anthropic

    PATCHES.install((anthropic.Anthropic, anthropic.AsyncAnthropic))
    return PATCHES
