"""Describe an error as span attributes, never by ``str(exc)``, which quotes bodies and keys."""

from __future__ import annotations

from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.reading import integer, read, text
from pulse_otel.values import clip, mask_secrets, scrub

_MESSAGE_BYTES = 2048


def error_attributes(error: BaseException) -> dict[str, Any]:
    """Describe an exception: its type is the provider's code, else the HTTP status, else the class.

    ``pulse.error`` is a dict.
    """
    body = read(error, "body")
    inner = read(body, "error") or body  # anthropic keeps the outer object, openai the inner
    status = integer(read(error, "status_code"))
    code = text(read(inner, "code")) or text(read(inner, "type"))
    module, name = type(error).__module__, type(error).__qualname__
    package = module.partition(".")[0]
    qualified = name if module == "builtins" else f"{package}.{name}"
    message = text(read(inner, "message"))
    if not message and body is None and package in ("openai", "anthropic"):
        message = text(read(error, "message"))
    details = {"status": status, "code": code, "request_id": text(read(error, "request_id"))}
    return _attributes(code or (str(status) if status else qualified), qualified, message, details)


def failure_attributes(code: str | None, message: str | None) -> dict[str, Any]:
    """Describe the failure that a response reports without an exception."""
    known = code or "failed"
    return _attributes(known, known, message, {"code": code})


def _attributes(
    kind: str, name: str, message: str | None, details: dict[str, Any]
) -> dict[str, Any]:
    shown = clip(mask_secrets(scrub(message or "")), _MESSAGE_BYTES)
    found = {"name": scrub(name), "message": shown, **details}
    known = {key: value for key, value in found.items() if value not in (None, "")}
    return {semconv.ERROR_TYPE: scrub(kind), semconv.PULSE_ERROR: known}
