"""A trace service that fails in every way that a socket can: scripted, request by request.

    with FaultServer([hang(), answer(503), store_then_reset()]) as server:
        ...                                   # post to server.url
    assert len(server.stored) == 1

The script is a sequence of actions, one for each request in the order of arrival, after which
`then` is used (default: `answer()`, a success); or it is a function `(number, request) -> action`,
numbered from 1, for faults by chance. Every connection has a thread of its own.

`server.received` holds all requests that were read in full; `server.stored` those whose spans the
service keeps: all that were answered with a 2xx by `answer`, and those of `store_then_reset`.
`server.connections` counts connections. `tls` takes an `ssl.SSLContext`; `on_connect` takes over
a connection before anything is read or TLS begins (for a proxy, or a faulty handshake).

An action is a function that is given the `Exchange` and does as it likes with the socket; it
returns True if the connection stays open. The actions here:

| action | what the client sees |
|---|---|
| `answer(status, body, headers, ...)` | an answer |
| `redirect(status, location)` | an answer with Location |
| `hang()` | nothing, until the server ends |
| `drip("header" or "body", interval_s)` | one byte per interval, for ever |
| `slow_reader(interval_s)` | its request is taken a little at a time |
| `reset("before", "half", "header" or "body")` | RST: before the answer, after half the request |
| `finish()` | FIN without an answer |
| `early(status)` | an answer to half of the request, and a close |
| `store_then_reset()` | its spans are stored, and the answer is lost |
| `garbage()`, `http09()` | bytes that are no HTTP/1.1 |
| `huge_header(bytes)`, `huge_body(bytes)` | more than anyone wants to read |
| `short_body()` | fewer bytes than announced, and FIN |
| `tunnel(port)` | as a proxy: a CONNECT that leads to this machine's `port`, whatever it names |

`half`, `early` and `slow_reader` act before the request is read in full: they are marked
`at_request`, and such a request is in `received` only as far as it was read, if at all.
"""

from __future__ import annotations

from tests.faults.actions import (
    answer,
    drip,
    early,
    finish,
    garbage,
    hang,
    http09,
    huge_body,
    huge_header,
    redirect,
    reset,
    short_body,
    slow_reader,
    store_then_reset,
    tunnel,
)
from tests.faults.server import Action, Exchange, FaultServer, Request

__all__ = [
    "Action",
    "Exchange",
    "FaultServer",
    "Request",
    "answer",
    "drip",
    "early",
    "finish",
    "garbage",
    "hang",
    "http09",
    "huge_body",
    "huge_header",
    "redirect",
    "reset",
    "short_body",
    "slow_reader",
    "store_then_reset",
    "tunnel",
]
