"""Write made-up spans in OTLP's JSON."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

Span = dict[str, Any]


def export(spans: list[Span]) -> dict[str, Any]:
    """Make the body of a request."""
    resource = {"attributes": _attributes({"service.name": "shop"})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}


def span(name: str, values: dict[str, Any], ago_s: float, duration_ms: float, **more: Any) -> Span:
    """Make a span that ended `ago_s` ago; its ids follow from `name`."""
    start = time.time_ns() - int((ago_s + duration_ms / 1000) * 1e9)
    return {
        "traceId": uuid.uuid5(uuid.NAMESPACE_URL, f"trace {name}").hex,
        "spanId": uuid.uuid5(uuid.NAMESPACE_URL, f"span {name}").hex[:16],
        "name": "chat",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + int(duration_ms * 1e6)),
        "attributes": _attributes(values),
        "status": {"code": 2} if "pulse.error" in values else {},
        **more,
    }


def as_json(value: Any) -> str:
    """Write a body."""
    return json.dumps(value, ensure_ascii=False)


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _attributes(value)}}
    kinds = {int: "intValue", float: "doubleValue", str: "stringValue"}
    return {kinds[type(value)]: value}
