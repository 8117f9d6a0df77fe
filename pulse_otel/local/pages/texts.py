"""Say what a span adds to the texts that a list shows of its trace: question, answer, error."""

from __future__ import annotations

from pulse_otel.local.json_text import Json
from pulse_otel.local.pages import trace_fields
from pulse_otel.local.pages.conversation import SYSTEM_ROLES, arguments_text, request_turns
from pulse_otel.local.storage.legacy_traces import TraceRow
from pulse_otel.local.storage.spans import SpanRow
from pulse_otel.local.storage.texts import Texts

_MOST = 4_000  # characters of a text that can be found
_QUESTION_FIELDS = ("messages", "input", "prompt")


def of_span(span: SpanRow) -> Texts:
    """Return the texts of a span; of a tool its input and its output."""
    call = span.kind == "llm_call"
    fields = {"outputText": span.output_text, "metadata": span.metadata}
    asked = question(trace_fields.body(fields, "request"))
    # Only a call's answer is worth the reading of a response.
    said = trace_fields.answer_text([fields]) if call else span.output_text or ""
    return Texts(
        project_id=span.project_id,
        trace_id=span.trace_id,
        timestamp=span.timestamp,
        call=call,
        question=_short(asked or arguments_text(span.tool_input)),
        answer=_short(said or arguments_text(span.tool_response)),
        error=_short(trace_fields.error_text(span.error)),
    )


def of_legacy(trace: TraceRow) -> Texts:
    """Return the texts of a trace in the legacy form."""
    fields = {"outputText": trace.output_text, "responseBody": trace.response_body}
    return Texts(
        project_id=trace.project_id,
        trace_id=trace.trace_id,
        timestamp=trace.timestamp,
        call=True,
        question=_short(question(dict(trace.request_body))),
        answer=_short(trace_fields.answer_text([fields])),
        error=_short(trace_fields.error_text(trace.error)),
    )


def question(request: Json) -> str:
    """Return the last text that a request says for the user, else the last one that it says."""
    if not isinstance(request, dict):
        return ""
    last = ""
    for name in _QUESTION_FIELDS:
        said = request.get(name)
        for item in reversed(said if isinstance(said, list) else [said]):
            for turn in reversed(request_turns({name: [item]})):
                text = " ".join(part.text for part in turn.parts if part.kind == "text").strip()
                if text and turn.role == "user":
                    return text
                last = last or ("" if turn.role in SYSTEM_ROLES else text)
    return last


def _short(text: str) -> str:
    return " ".join(text[: 2 * _MOST].split())[:_MOST]
