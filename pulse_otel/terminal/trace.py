"""What a trace of `GET /v1/traces` says, in either generation (contract §2.5, §3.4).

A service may answer any JSON: what is no trace has no fields.
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Trace: TypeAlias = Mapping[str, Any]


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list; none if `value` is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def session_of(trace: Trace) -> Any:
    """Return the session as the program named it: the legacy form derives a UUID (contract §2.1).

    None where the service put the id of the trace in its place.
    """
    own = None if "spans" in trace else metadata_of(trace).get("session_id")
    session = own or trace.get("sessionId")
    return None if session == trace.get("traceId") else session


def user_of(trace: Trace) -> Any:
    """Return the user, whom the two forms name differently."""
    found = metadata_of(trace)
    return found.get("pulse.user_id") or found.get("user_id")


def metadata_of(trace: Trace) -> Mapping[str, Any]:
    """Return the metadata of a trace."""
    found = trace.get("metadata")
    return found if isinstance(found, dict) else {}


def answer_of(trace: Trace) -> str:
    """Return the answer; where several calls have one, as with tools, that of the last."""
    of_spans = [span.get("outputText") for span in objects(trace.get("spans"))]
    answers = [text for text in (trace.get("outputText"), *of_spans) if text]
    return str(answers[-1]) if answers else ""


def error_of(found: Trace) -> str:
    """Return the message of the error of a trace or a span, which may be in an object."""
    error = found.get("error")
    while isinstance(error, dict):
        error = error.get("message") or error.get("name")
    return "" if error is None else str(error)
