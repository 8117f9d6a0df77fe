"""List the fields of a trace and the check of each (contract §2.1)."""

from __future__ import annotations

from collections.abc import Mapping

from pulse_otel.local.service import checks
from pulse_otel.local.service.checks import Field
from pulse_otel.local.service.query import LEGACY_PROVIDERS
from pulse_otel.local.storage.spans import STATUSES

# Each check rejects null, also for an optional field (contract §2.1).
FIELDS: Mapping[str, Field] = {
    "trace_id": Field(checks.uuid, required=True),
    "session_id": Field(checks.uuid),
    "timestamp": Field(checks.instant, required=True),
    "latency_ms": Field(checks.amount, required=True),
    "provider": Field(checks.one_of(LEGACY_PROVIDERS), required=True),
    "model_requested": Field(checks.some_text, required=True),
    "model_used": Field(checks.text),
    "provider_request_id": Field(checks.text),
    "request_body": Field(checks.record, required=True),
    "response_body": Field(checks.record),
    "input_tokens": Field(checks.count),
    "output_tokens": Field(checks.count),
    "output_text": Field(checks.text),
    "finish_reason": Field(checks.text),
    "status": Field(checks.one_of(STATUSES), required=True),
    "error": Field(checks.record),
    "cost_cents": Field(checks.amount),
    "metadata": Field(checks.record),
}
