"""Describe the endpoints of an SDK as rows of a table, and find the row of a request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Span

from pulse_otel.values import copied

Attributes = dict[str, Any]
AddPiece = Callable[[Any, list[Any]], bool]
"""(chunk, chunks before it) -> whether the piece of text that it adds was appended to them."""
Reader = Callable[[Any, bool], Attributes]
"""(request or response, whether content is wanted) -> attributes. Structured values in them
become JSON text in the call; a reader accepts data of any shape, and never raises."""


def _nothing(value: Any, content: bool) -> Attributes:
    return {}


def no_bill(answer: Any, provider: str, headers: Mapping[str, Any]) -> Attributes:
    """Read nothing: the call is not billed, or was billed with another one."""
    return {}


def _unassembled(chunks: list[Any]) -> Any:
    return {}


def no_piece(chunk: Any, chunks: list[Any]) -> bool:
    """Add nothing: every chunk is of another kind."""
    return False


def _nothing_added(policy: str, client: Any, options: Any) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Describe one address of a provider's API, and how its requests and responses are read.

    `methods` are the SDK's methods that lead there, as ``module:Class.method``; each has an
    async twin ``AsyncClass``. What a version of the SDK lacks is skipped. A call is recognised
    by its HTTP method and `path`, so a method that is not listed is recorded as well; the list
    is where the ``pulse_*`` parameters are taken out, and what the documentation shows.
    """

    sdk: str
    scope: str
    path: str  # "/responses/{response_id}": the value in braces is added to the request
    operation: str
    provider: Callable[[Any], str]
    request: Callable[[Mapping[str, Any], bool], Attributes]
    response: Reader = _nothing
    # (whole or assembled answer, provider, headers of a whole answer) -> tokens, tool uses, cost.
    bill: Callable[[Any, str, Mapping[str, Any]], Attributes] = no_bill
    # Assembles one response from the chunks of a stream, in the shape that `response` reads.
    assemble: Callable[[list[Any]], Any] = _unassembled
    # Copies what is read of a chunk, as the program may write to it, and the SDK's model takes a
    # hundred times the memory of its text.
    compact_chunk: Callable[[Any], Any] = copied
    # Does the same for a chunk that only adds a piece of text, as nearly all do: appends the piece,
    # which `assemble` knows by its type, to the list. False: the chunk is of another kind.
    add_piece: AddPiece = no_piece
    add_shown_piece: AddPiece = no_piece  # and does as `hide_usage` does
    # Whether a chunk has the id and the model of the answer; those up to it are kept whole.
    is_head: Callable[[Any], bool] = lambda chunk: True
    # (id of the response, context) -> the context for the span of a call about that response.
    context: Callable[[object, Context], Context] | None = None
    # (id of an unfinished response, span): what came of it will be shown by another call.
    remember: Callable[[object, Span], None] | None = None
    methods: tuple[str, ...] = ()
    http_method: str = "post"
    # (policy, client, the SDK's options) -> what to add to the body so that the server sends one
    # more chunk, with the usage; and whether a chunk is that one, else without its empty usage.
    usage_option: Callable[[str, Any, Any], Mapping[str, Any] | None] = _nothing_added
    hide_usage: Callable[[Any], bool] = lambda chunk: False

    def adder(self, hides_usage: bool) -> AddPiece:
        """Return what adds the piece of a chunk."""
        return self.add_shown_piece if hides_usage else self.add_piece


class Endpoints:
    """Find a row of one SDK by the HTTP method and path of a request."""

    def __init__(self, rows: Iterable[Endpoint]) -> None:
        self.rows = tuple(rows)
        self._exact = {(row.http_method, row.path): row for row in self.rows if "{" not in row.path}
        self._patterns = [
            (row.http_method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", row.path)), row)
            for row in self.rows
            if "{" in row.path
        ]

    def find(self, http_method: str, url: str) -> tuple[Endpoint, Mapping[str, str]] | None:
        """Return the row and the values in its path's braces; None if no row matches."""
        row = self._exact.get((http_method, url))
        if row is not None:  # nearly always
            return row, {}
        path, method = url.partition("?")[0], http_method.lower()
        row = self._exact.get((method, path))
        if row is not None:
            return row, {}
        for wanted, pattern, row in self._patterns:
            match = pattern.fullmatch(path) if wanted == method else None
            if match:
                return row, match.groupdict()
        return None
