"""What a span says about an exception: never ``str(exc)``, which quotes bodies and keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.reading import integer, read, text
from pulse_otel.values import clip, mask_secrets, scrub

_MESSAGE_BYTES = 2048


@dataclass(frozen=True, slots=True)
class ErrorDescription:
    """An exception in the provider's own terms."""

    type: str
    name: str
    message: str
    status: int | None
    code: str | None
    request_id: str | None

    def details(self) -> dict[str, Any]:
        """For the ``pulse.error`` attribute; what is unknown is absent."""
        found = {
            "name": self.name,
            "message": self.message,
            "status": self.status,
            "code": self.code,
            "request_id": self.request_id,
        }
        return {key: value for key, value in found.items() if value not in (None, "")}


def describe(error: BaseException) -> ErrorDescription:
    """The type is the provider's code or type, else the HTTP status, else the class."""
    body = read(error, "body")
    inner = read(body, "error") or body  # anthropic keeps the outer object, openai the inner
    status = integer(read(error, "status_code"))
    code = text(read(inner, "code")) or text(read(inner, "type"))
    module, name = type(error).__module__, type(error).__qualname__
    qualified = name if module == "builtins" else f"{module.partition('.')[0]}.{name}"
    message = text(read(inner, "message")) or ""
    if not message and body is None and module.partition(".")[0] in ("openai", "anthropic"):
        message = text(read(error, "message")) or ""
    return ErrorDescription(
        type=scrub(code or (str(status) if status else qualified)),
        name=qualified,
        message=clip(mask_secrets(scrub(message)), _MESSAGE_BYTES),
        status=status,
        code=code,
        request_id=text(read(error, "request_id")),
    )


def failure(code: str | None, message: str | None) -> dict[str, Any]:
    """The attributes of an answer that says that the call failed, where nothing is raised."""
    known = scrub(code or "failed")
    said = clip(mask_secrets(scrub(message or "")), _MESSAGE_BYTES)
    details = {"name": known, "message": said, "code": code}
    return {
        semconv.ERROR_TYPE: known,
        semconv.PULSE_ERROR: {key: value for key, value in details.items() if value},
    }
