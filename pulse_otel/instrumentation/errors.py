"""Describe an error as span attributes, never by ``str(exc)``, which quotes bodies and keys."""

from __future__ import annotations

from typing import Any

from opentelemetry.trace import Status, StatusCode

from pulse_otel import semconv
from pulse_otel.guard import tried
from pulse_otel.instrumentation.reading import fields_of, integer, items, read, text
from pulse_otel.masking import masked
from pulse_otel.texts import scrub

_MESSAGE_BYTES = 2048


def error_attributes(error: BaseException) -> dict[str, Any]:
    """Describe an exception: its type is the provider's code, else the HTTP status, else the class.

    ``pulse.error`` is a dict.
    """
    body = read(error, "body")
    inner = read(body, "error") or body  # anthropic keeps the outer object, openai the inner
    status = integer(read(error, "status_code"))
    code, message = _code(inner), _message(inner)
    module, name = type(error).__module__, type(error).__qualname__
    package = module.partition(".")[0]
    qualified = name if module == "builtins" else f"{package}.{name}"
    if not message and body is None and package in ("openai", "anthropic"):
        message = text(read(error, "message"))
    details = {"status": status, "code": code, "request_id": text(read(error, "request_id"))}
    return _attributes(code or (str(status) if status else qualified), qualified, message, details)


def _code(error: Any) -> str | None:
    """Return the code or type of a provider's error; some write the HTTP status as its code."""
    code = integer(read(error, "code"))
    return text(read(error, "code")) or (str(code) if code else text(read(error, "type")))


def _message(error: Any) -> str | None:
    """Return the message of a provider's error, which may be the text alone."""
    return text(error) or text(read(error, "message")) or text(read(error, "detail"))


def call_error(
    error: BaseException | None, answer: Any, chunks: list[Any], http_response: Any
) -> dict[str, Any]:
    """Describe how a call failed: by an exception, an error that came with status 200, or both.

    Gateways send such errors as the body, or as an event of the stream. For the SDKs they are
    answers without content, which some methods refuse.
    """
    if error is None and not chunks:
        return _reported(answer)
    body = answer if error is None or answer is not None else _body(http_response)
    found: dict[str, Any] = {}
    for last in (body, *chunks[-2:]):  # an error ends a stream
        found = _reported(last) or found
    if error is None:
        return found
    raised = error_attributes(error)
    details = {**found.get(semconv.PULSE_ERROR, {}), **raised[semconv.PULSE_ERROR]}
    return {**raised, semconv.PULSE_ERROR: details}


def _reported(answer: Any) -> dict[str, Any]:
    fields = fields_of(answer)
    inner, kind = fields.get("error"), fields.get("object")
    if not inner and kind == "error":  # vLLM: the answer itself is the error
        inner = fields
    if not inner and fields.get("choices"):
        inner = _reported_by_choice(fields["choices"])
    if not inner or kind == "response":  # of the Responses API: its own reader has found it
        return {}
    code, message = _code(inner), _message(inner)
    return failure_attributes(code, message) if code or message else {}


def _reported_by_choice(choices: Any) -> Any:
    """Return the error that OpenRouter puts beside what a choice says."""
    for choice in items(choices):
        if found := fields_of(choice).get("error"):
            return found
    return None


def status_of(found: dict[str, Any], content: bool) -> Status:
    """Return the status of a span with the error that was `found`.

    Without `content` its message is taken out: providers quote the prompt in it.
    """
    details: Any = found.get(semconv.PULSE_ERROR) or {}
    if not content:
        details.pop("message", None)
    return Status(StatusCode.ERROR, text(details.get("message")))


def _body(http_response: Any) -> Any:
    """Return the JSON of an answer with status 200 that the SDK could not make an object of."""
    if not (getattr(http_response, "is_closed", False) and http_response.status_code < 400):
        return None
    no_json, not_read = ValueError, RuntimeError
    return tried(http_response.json, kinds=(no_json, not_read), otherwise=None)


def failure_attributes(code: str | None, message: str | None) -> dict[str, Any]:
    """Describe the failure that a response reports without an exception."""
    known = code or "failed"
    return _attributes(known, known, message, {"code": code})


def _attributes(
    kind: str, name: str, message: str | None, details: dict[str, Any]
) -> dict[str, Any]:
    shown = masked(message or "", _MESSAGE_BYTES)
    found = {"name": scrub(name), "message": shown, **details}
    known = {key: value for key, value in found.items() if value not in (None, "")}
    return {semconv.ERROR_TYPE: scrub(kind), semconv.PULSE_ERROR: known}
