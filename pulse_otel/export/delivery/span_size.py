"""About how many bytes of memory a span takes while it waits."""

# type() of data of any shape leaves the type checker with unknown types:
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from sys import getsizeof
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan

# Measured with opentelemetry-sdk 1.45 on CPython 3.11: 3.2 kB for a span with two short
# attributes, 4.3 kB for a small chat with 13 (benchmarks/waiting_memory.py).
SPAN_BYTES: Final = 3100
UNKNOWN_BYTES: Final = 4000  # of a span whose size cannot be had
LARGEST_BYTES: Final = 16 << 20
"""What a giant counts as: it must not push all others out. It is cut where it is read or sent."""

_ATTRIBUTE_BYTES: Final = 60
_TEXT_BYTES: Final = 49  # of an ASCII text, beside its characters
_ELEMENT_BYTES: Final = 36  # of a sequence: a reference and a number
_LINK_BYTES: Final = 1200
_MEMO: Final = "_pulse_size"


def size_of(span: ReadableSpan) -> int:
    """Return the bytes of `span`, as good as that can be had quickly.

    It runs in the thread that ends the span; who asks later is given the same answer.
    """
    names: Any = span.__dict__
    known: Any = names.get(_MEMO)
    if type(known) is int:
        return known
    attributes: Any = names.get("_attributes")
    size = SPAN_BYTES + _attributes_size(span.attributes if attributes is None else attributes)
    # Nearly no span has any; the SDK copies both under a lock, to say so.
    if names.get("_events", True):
        for event in span.events or ():
            size += _attributes_size(event.attributes)
    if names.get("_links", True):
        for link in span.links or ():
            size += _LINK_BYTES + _attributes_size(link.attributes)
    names[_MEMO] = size = size if size < LARGEST_BYTES else LARGEST_BYTES
    return size


def _attributes_size(attributes: Any) -> int:
    """Texts count with all their bytes; the SDK's own dict spares a Mapping's slow `values`."""
    if attributes is None:
        return 0
    known: Any = getattr(attributes, "_dict", None)
    if known is None:
        known = attributes.copy() if hasattr(attributes, "copy") else attributes
    values = known.values()
    return _ATTRIBUTE_BYTES * len(values) + _texts_size(values)


def _texts_size(values: Any) -> int:
    """Return the bytes of texts, and of sequences; `getsizeof` takes far longer than `len`."""
    size = 0
    for value in values:
        kind = type(value)
        if kind is str:
            size += _TEXT_BYTES + len(value) if value.isascii() else getsizeof(value)
        elif kind is tuple:
            size += _ELEMENT_BYTES * len(value)
            if value and type(value[0]) is str:
                size += _texts_size(value)
    return size
