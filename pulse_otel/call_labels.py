"""`call`: the labels of one call, in a form that type checkers accept.

The methods of both SDKs take ``extra_headers``: typed, in every version, for every endpoint. So
labels ride on a dict of headers. They are no entries of it: where nobody records, the SDK sees the
user's own headers and nothing else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, KeysView, Mapping
from types import MappingProxyType
from typing import Any

from pulse_otel.values import plain

ENTRY = "x-pulse-parameters"
"""The private header under which labels travel through an SDK whose requests pass our hook."""

COPYING: set[str] = set()
"""Modules of the SDKs in which a copy of the headers keeps the labels, as an entry.

They copy headers before a method of ours sees them, and hand the copy to such a method. A module is
here only while our hook takes that entry out of every request of its SDK.
"""


class LabelledHeaders(dict[str, Any]):
    """Hold the headers of a call, and beside them its `labels`, which are no entries."""

    labels: Mapping[str, Any] = MappingProxyType({})

    def __bool__(self) -> bool:
        """Be true even without headers: the SDKs replace what is false by an empty dict."""
        return True

    def __iter__(self) -> Iterator[str]:
        """Iterate as a dict does; defined so that a copy asks for `keys`."""
        return super().__iter__()

    def keys(self) -> Any:
        """Return the names of the headers; with our entry to an SDK's function that copies them."""
        keys: KeysView[str] = super().keys()
        caller = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        if self.labels and caller.f_globals.get("__name__") in COPYING:
            return [*keys, ENTRY]
        return keys

    def __missing__(self, name: str) -> str:
        """Return our entry, which is in no table of names. Raises KeyError for others."""
        if name != ENTRY:
            raise KeyError(name)
        return json.dumps(plain(dict(self.labels)))

    def copy(self) -> LabelledHeaders:
        """Return a copy that has the labels as well."""
        return _labelled(self, self.labels)


def _labelled(headers: Mapping[str, Any], labels: Mapping[str, Any]) -> LabelledHeaders:
    made = LabelledHeaders(headers)
    made.labels = labels
    return made


def labels_of(headers: object) -> Mapping[str, Any]:
    """Return the labels that `headers` carry; none if they are not made by `call`."""
    return headers.labels if isinstance(headers, LabelledHeaders) else {}


def call(
    *,
    session_id: str | None = None,
    user_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    summary: str | None = None,
    headers: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Label one call: ``create(..., extra_headers=pulse_otel.call(session_id="s-1"))``.

    The labels never reach the provider, whether or not the call is recorded. They win over those of
    the client and of the block. The result may be used for several calls.

    Args:
        session_id: The conversation that the call belongs to.
        user_id: The user that it is made for.
        metadata: What else to note; it is added to the metadata of the client and the block.
        summary: The title of the trace.
        headers: Your own headers for the request.
    """
    given = {
        "session_id": session_id,
        "user_id": user_id,
        "metadata": metadata,
        "summary": summary,
    }
    return _labelled(
        headers or {}, {name: given[name] for name in given if given[name] is not None}
    )
