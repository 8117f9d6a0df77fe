"""What the tests of units of work read of spans."""

from __future__ import annotations

import json
from typing import Any


def named(memory: Any) -> dict[str, Any]:
    """The finished spans by their names without the operation, which are different."""
    found = {span.name.partition(" ")[2]: span for span in memory.get_finished_spans()}
    assert len(found) == len(memory.get_finished_spans())
    return found


def text(span: Any, way: str) -> str | None:
    """The text of the one message of a span's input or output."""
    value = span.attributes.get(f"gen_ai.{way}.messages")
    if value is None:
        return None
    (message,) = json.loads(value)
    (part,) = message["parts"]
    return part["content"]


def io(span: Any) -> tuple[str | None, str | None]:
    """The texts of input and output."""
    return text(span, "input"), text(span, "output")


def parent(span: Any) -> int | None:
    """The span id of the parent."""
    return span.parent.span_id if span.parent else None


def is_child(span: Any, of: Any) -> bool:
    """Whether `span` hangs under `of`, in its trace."""
    return parent(span) == of.context.span_id and span.context.trace_id == of.context.trace_id
