"""Read traces back from a service of either generation: `GET /v1/traces` is the same in both."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from pulse_otel.api_url import is_loopback
from pulse_otel.config import load_config
from pulse_otel.export.transport.http import Reply, Request, Transport
from pulse_otel.export.transport.outcome import Verdict
from pulse_otel.settings import ConfigError
from pulse_otel.terminal.filters import Filters
from pulse_otel.terminal.trace import Trace, objects

READ_S = 30.0
"""The longest wait for an answer; the service is slow if its log is long (contract §3.6)."""

_PAGE = 100  # traces; with all their bodies, a trace may have megabytes
_MOST_BYTES = 256 << 20
_SERVE_PORT = 3000  # the default of `pulse-otel serve`
_PASSING = (Verdict.RETRY, Verdict.TOO_SLOW)


class NotReadable(Exception):
    """The service gives no traces; the message says why, and what to do.

    `passing`: it may give some later.
    """

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


@dataclass(frozen=True, slots=True)
class Page:
    """Some traces, newest first, and how many there are in all."""

    traces: Sequence[Trace]
    total: int
    count: int  # of this page, with what is no trace


def remedy_of_refusal(url: str) -> str:
    """Return how to start a service at `url`, if it is this machine; else an empty text."""
    if not is_loopback(url):
        return ""
    port = urlsplit(url).port or 80
    option = "" if port == _SERVE_PORT else f" --port {port}"
    return f"start a service there: pulse-otel serve{option}"


class Service:
    """The service that the settings name, for reading."""

    def __init__(self, transport: Transport, url: str, read_s: float = READ_S) -> None:
        self._transport, self.url, self._read_s = transport, url, read_s

    def pages(self, filters: Filters, first: int = _PAGE) -> Iterator[Page]:
        """Yield the traces page by page, newest first; `first` is the size of the first page.

        A trace that comes meanwhile moves the others on, so that one may be in two pages.
        Conditions of `filters` are not applied. Raises NotReadable.
        """
        size, usual, offset = first, _PAGE, 0
        seen = set[str]()
        while True:
            page = self._page({**filters.parameters, "limit": str(size), "offset": str(offset)})
            if page is None:
                if size == 1:
                    raise NotReadable(f"{self.url}: a trace has more than {_MOST_BYTES >> 20} MiB")
                size = usual = max(1, size // 4)
                continue
            yield page
            names = {str(trace.get("traceId")) for trace in page.traces}
            if names and names <= seen and len(names) > 1:
                raise NotReadable(f"{self.url}: the service gives the same traces on every page")
            seen |= names
            offset += page.count
            if not page.count or offset >= page.total:
                return
            size = usual

    def traces(self, filters: Filters) -> Iterator[Trace]:
        """Yield each trace that `filters` take, newest first. Raises NotReadable."""
        seen = set[str]()
        for page in self.pages(filters):
            for trace in page.traces:
                name = str(trace.get("traceId"))
                if name not in seen and filters.take(trace):
                    yield trace
                seen.add(name)

    def trace(self, trace_id: str) -> Trace | None:
        """Return a trace; None if there is none of that id. Raises NotReadable."""
        reply = self._get(f"/v1/traces/{quote(trace_id, safe='')}")
        found = _parsed(reply)
        if reply.outcome.status == 404 and found is not None and "error" in found:
            return None
        if reply.outcome.status != 200 or found is None or "traceId" not in found:
            raise self._not_readable(reply)
        return found

    def _page(self, query: Mapping[str, str]) -> Page | None:
        """Return a page; None if it is too large."""
        reply = self._get(f"/v1/traces?{urlencode(query)}")
        if len(reply.body) >= _MOST_BYTES:
            return None
        found = _parsed(reply)
        traces = found.get("traces") if found else None
        if reply.outcome.status != 200 or found is None or not isinstance(traces, list):
            raise self._not_readable(reply)
        total = found.get("total")
        kept = objects(traces)
        return Page(kept, total if isinstance(total, int) else len(kept), len(traces))

    def _get(self, path: str) -> Reply:
        request = Request("GET", path, most_bytes=_MOST_BYTES)
        return self._transport.send(request, time.monotonic() + self._read_s)

    def _not_readable(self, reply: Reply) -> NotReadable:
        outcome = reply.outcome
        said = outcome.cause or "the answer holds no traces"
        if outcome.verdict is Verdict.DELIVERED or outcome.status == 200:
            said = "the answer holds no traces: check api_url / PULSE_API_URL"
        if outcome.status == 403:
            said = "the API key is not allowed to read (403): check api_key / PULSE_API_KEY"
        if outcome.status == 400:
            said = f"the service refuses the query (400){_refusal(reply)}"
        hint = remedy_of_refusal(self.url) if "connection refused" in said else ""
        if hint:
            said = f"{said.partition(': ')[0]}: {hint}"
        return NotReadable(f"{self.url}: {said}", passing=outcome.verdict in _PASSING)


def _refusal(reply: Reply) -> str:
    """Return what a 400 says is wrong."""
    found = _parsed(reply) or {}
    details = found.get("details")
    first = next(iter(details), None) if isinstance(details, list) else None
    path = first.get("path") if isinstance(first, dict) else None
    names = ".".join(map(str, path)) if isinstance(path, list) else ""
    return f": {found.get('error')} {names}".rstrip() if found.get("error") else ""


def _parsed(reply: Reply) -> dict[str, Any] | None:
    try:
        found = json.loads(reply.body, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _finite(text: str) -> float | None:
    """Return a number; None for one that JSON does not have."""
    number = float(text)
    return number if math.isfinite(number) else None


_NEEDED = ("PULSE_API_KEY", "PULSE_API_URL", "PULSE_CA_FILE")
_PROTOCOL = "PULSE_PROTOCOL"


def open_service(environ: Mapping[str, str], api_url: str | None = None) -> Service:
    """Return the service that the environment names, or the one at `api_url`.

    Raises ConfigError, also without a key, and if the environment names a Collector: that has no
    traces, and gets no key. Other settings are not looked at: they concern the program alone.
    """
    needed = _NEEDED if api_url else (*_NEEDED, _PROTOCOL)
    config = load_config(
        overrides={"api_url": api_url},
        environ={name: environ[name] for name in needed if name in environ},
    )
    if not config.sends_key:
        raise ConfigError(
            f"api_url: the address of a Collector, since {_PROTOCOL} is {config.protocol!r}:"
            " give that of the service with --api-url"
        )
    if config.api_key is None:
        raise ConfigError("api_key: set PULSE_API_KEY (a service of `serve` takes pulse_sk_local)")
    transport = Transport(config.api_url, config.api_key, ca_file=config.ca_file)
    return Service(transport, config.api_url)
