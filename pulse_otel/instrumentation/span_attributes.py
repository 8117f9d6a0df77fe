"""The attributes of a call's span that do not depend on the endpoint, and how they are written."""

# type() of data of any shape leaves the type checker with unknown types:
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pulse_otel import semconv
from pulse_otel.bounds import bounded_json
from pulse_otel.context import NO_SESSION, labels
from pulse_otel.guard import guarded
from pulse_otel.instrumentation.endpoint import Attributes, Endpoint
from pulse_otel.instrumentation.providers import server_attributes
from pulse_otel.instrumentation.reading import integer, text
from pulse_otel.instrumentation.recorder import Observed, Recorder
from pulse_otel.instrumentation.tool_definitions import Definitions
from pulse_otel.kinds import is_model
from pulse_otel.texts import scrub


def settable(attributes: Attributes, limit: int) -> Attributes:
    """Change `attributes` to what is set, and return them: structures as JSON of `limit` bytes.

    Every version of OpenTelemetry's SDK accepts that.
    """
    for key, value in attributes.items():
        kind = type(value)
        if (kind is str and value.isascii() and "\x00" not in value) or kind is int:
            continue  # nearly all of them
        if kind is list and value and type(value[0]) is not dict:  # all are of one kind
            continue
        if kind is Definitions:
            attributes[key] = value.written(limit)
        elif issubclass(kind, str):
            attributes[key] = scrub(value)
        elif issubclass(kind, (dict, list)):
            attributes[key] = bounded_json(value, limit)
    return attributes


def request_attributes(
    endpoint: Endpoint,
    recorder: Recorder,
    request: Mapping[str, Any],
    found: Attributes | None,
    own: Observed,
) -> Attributes:
    """Return the attributes of a request, as they are set.

    `found` are those that were read, if the content was; they are changed.
    """
    content = recorder.capture_content
    if found is None or not content:
        found = guarded(endpoint.request, request, content) or {}
    if own.session is not NO_SESSION:
        found = found | labels(own.session)
    return settable(found, recorder.max_content_bytes)


def attributes_at_start(
    tracer: Any,
    endpoint: Endpoint,
    recorder: Recorder,
    request: Mapping[str, Any],
    known: Attributes | None,
    own: Observed,
) -> Attributes | None:
    """Return the `request_attributes` if the span will be recorded whatever is in it; else None.

    The SDK takes far longer to set attributes twice. A conversation that is no session's waits:
    the span may first get the session of the run around it.
    """
    if not getattr(getattr(tracer, "sampler", None), "records_everything", False):
        return None
    found = request_attributes(endpoint, recorder, request, known, own)
    return found if own.session.id or semconv.CONVERSATION_ID not in found else None


def first_attributes(
    endpoint: Endpoint, client: Any, request: Mapping[str, Any], own: Observed
) -> tuple[str, dict[str, Any]]:
    """Return the name of the span, and the attributes with which it starts."""
    name, model = endpoint.operation, text(request.get("model"))
    attributes = {semconv.OPERATION_NAME: name, **_destination(endpoint, client)}
    if own.provider:
        attributes[semconv.PROVIDER_NAME] = own.provider
    if model:
        attributes[semconv.REQUEST_MODEL] = model = scrub(model)
        name = f"{name} {model}"
    return name, attributes


_DESTINATION = "_pulse_destination"
# Not openai's own client for calls without one, which asks `openai.base_url` each time.
_CLIENTS = frozenset(
    (
        *("openai.OpenAI", "openai.AsyncOpenAI", "openai._base_client.BaseClient"),
        "anthropic._base_client.BaseClient",
    )
)


@lru_cache(32)
def _keeps_url(kind: type) -> bool:
    """Return whether clients of a class have their URL where the SDK's own classes keep it.

    The property of openai's client imports a module each time that it is asked.
    """
    owner = next((base for base in kind.__mro__ if "base_url" in vars(base)), object)
    return f"{owner.__module__}.{owner.__name__}" in _CLIENTS


def _destination(endpoint: Endpoint, client: Any) -> Attributes:
    """Return provider and server of a client; they are kept on it until its URL changes."""
    kind: Any = type(client)
    url = client.__dict__.get("_base_url") if _keeps_url(kind) else None
    url = getattr(client, "base_url", None) if url is None else url
    known: tuple[Any, Attributes] | None = client.__dict__.get(_DESTINATION)
    if known is None or known[0] is not url:
        known = url, {semconv.PROVIDER_NAME: endpoint.provider(client), **server_attributes(url)}
        client.__dict__[_DESTINATION] = known
    return known[1]


def request_of(error: BaseException | None) -> Any:
    """Return the request of an HTTP library's error; its property raises where none was set."""
    if error is None:
        return None
    fields: dict[str, Any] = getattr(error, "__dict__", {})
    return fields.get("request") or fields.get("_request")


# The header in which the service of each SDK sends the id of a request, and the other's.
_REQUEST_IDS = {
    "openai": ("x-request-id", "request-id"),
    "anthropic": ("request-id", "x-request-id"),
}


def http_facts(
    sdk: str, response: Any, request: Any = None, retries: object = None, answer: Any = None
) -> Attributes:
    """Return the status, the provider's request id and the number of attempts of an exchange.

    `retries` is what the SDK says of an answer; it is in a header of each request, too. `answer`
    is what the SDK returned: a model has the id, for which one has to search in headers.
    """
    found: Attributes = {}
    headers: Any = getattr(response, "headers", None)
    if headers is not None:
        status = integer(getattr(response, "status_code", None))
        if status is not None:
            found[semconv.HTTP_STATUS_CODE] = status
        kind: Any = type(answer)
        known: Any = answer.__dict__.get("_request_id") if is_model(kind) else None
        first, second = _REQUEST_IDS[sdk]
        request_id = text(known or headers.get(first) or headers.get(second))
        if request_id is not None:
            found[semconv.PULSE_REQUEST_ID] = request_id
    if retries is None:
        sent: Any = getattr(getattr(response, "_request", None) or request, "headers", None)
        retries = None if sent is None else sent.get("x-stainless-retry-count")
    count = integer(retries)
    if count is not None:
        found[semconv.PULSE_ATTEMPTS] = count + 1
    return found
