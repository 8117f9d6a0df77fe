"""One HTTP attempt under one deadline -> Outcome. No loops, no sleeps, no knowledge of spans."""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pulse_otel.export.transport.outcome import Outcome, Verdict, decide, one_line
from pulse_otel.log import rate_limited

if TYPE_CHECKING:
    from pulse_otel.config import ApiKey
    from pulse_otel.export.transport.connection import Attempt, Session

ATTEMPT_S = 10.0
"""The service answers slowly when its log is long (contract §3.6)."""

MAX_ANSWER_BYTES = 1 << 20

_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # a compressed answer could unpack to any size
    "User-Agent": "pulse-otel",
}


class Transport:
    """Posts bodies to one service. Used by one thread at a time; pooled; follows no redirect.

    Certificates are verified, always: with `ca_file` if given, else with what `requests` uses
    (REQUESTS_CA_BUNDLE, or its own bundle). Proxies are those of the environment; towards
    loopback there is none, since from a proxy that would lead to another machine.
    """

    def __init__(self, base_url: str, key: ApiKey, *, ca_file: str | None = None) -> None:
        self._base_url = base_url
        self._key = key
        self._ca_file = ca_file
        self._session: Session | None = None
        self._inherited: Session | None = None  # in a child: its parent's
        self._pid = os.getpid()
        self._closed = False
        self._loopback = _loopback(base_url)
        if base_url.lower().startswith("http://") and not self._loopback:
            rate_limited.warning(
                "plain-http", "pulse-otel: api_url is plain http: the API key travels unencrypted"
            )

    def post(self, path: str, body: bytes, deadline: float) -> Outcome:
        """Send `body` to `path`; returns by `deadline`, a time of `time.monotonic`.

        Never raises for the network. Only looking up the host's name is not under the deadline.
        """
        try:
            from http.client import HTTPException

            from opentelemetry.instrumentation.utils import suppress_instrumentation
            from urllib3.exceptions import HTTPError

            from pulse_otel.export.transport.connection import Attempt
            from pulse_otel.export.transport.failures import explain
        except (ImportError, Warning) as error:  # a Warning: where the program makes them errors
            return _not_imported(error)

        with suppress_instrumentation():
            try:
                return self._attempt(path, body, Attempt(deadline))
            except (OSError, HTTPError, HTTPException) as error:
                return explain(error)

    def _attempt(self, path: str, body: bytes, attempt: Attempt) -> Outcome:
        try:
            return self._once(path, body, attempt)
        except OSError:
            # The service closes a connection idle for 10 s (contract §1), and a kept one may have
            # gone stale in other ways. Re-sending is safe: spans are identified by their ids. If
            # the time was up, there is none left for this either.
            if attempt.connected:
                raise
            self._disconnect()
            return self._once(path, body, attempt)

    def _once(self, path: str, body: bytes, attempt: Attempt) -> Outcome:
        from pulse_otel.export.transport.connection import current

        session = self._open()
        token = current.set(attempt)
        try:
            with session.post(
                self._base_url + path,
                data=body,
                headers=_HEADERS,
                timeout=attempt.left_s(),
                allow_redirects=False,
                stream=True,
                # Given with each request: on the session, REQUESTS_CA_BUNDLE would replace it.
                verify=self._ca_file,
            ) as response:
                return decide(
                    response.status_code,
                    _read(response.raw),
                    response.headers.get("Retry-After"),
                    response.headers.get("Content-Type", ""),
                )
        finally:
            current.reset(token)
            if self._closed:  # meanwhile, by another thread
                session.close()

    def _open(self) -> Session:
        """The session, made at first use, and anew in a forked child: sockets are not shared.

        Raises ConnectionAbortedError after `close`.
        """
        if self._closed:
            raise ConnectionAbortedError("the transport is closed")
        session = self._session
        if session is None or self._pid != os.getpid():
            from pulse_otel.export.transport.connection import Session

            # Kept: clearing away a parent's takes locks that its threads may have held.
            self._inherited = session
            self._pid = os.getpid()
            self._session = session = Session(proxies=not self._loopback)
            session.auth = self._authorize  # as `auth`, so that no netrc replaces it
        return session

    def _authorize(self, request: Any) -> Any:
        request.headers["Authorization"] = _Masked(f"Bearer {self._key.reveal()}")
        return request

    def close(self) -> None:
        """Close the pooled connections of this process, and open no more. From any thread."""
        self._closed = True
        self._disconnect()

    def _disconnect(self) -> None:
        session, self._session = self._session, None
        if session is not None and self._pid == os.getpid():
            session.close()


class _Masked(str):
    """A header's value that no printed dict of headers shows."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"


def _not_imported(error: Exception) -> Outcome:
    said = one_line(f"{type(error).__name__}: {error}")
    return Outcome(Verdict.RETRY, f"the HTTP client cannot be imported ({said})")


def _read(raw: Any) -> bytes:
    """The answer, at most 1 MiB of it; what is left over closes the connection.

    Read without unpacking and below the layer that reads chunks of any length. Raises
    IncompleteRead if it ends before the length that it announced.
    """
    raw.enforce_content_length = True
    answer = bytearray()
    while len(answer) < MAX_ANSWER_BYTES:
        piece = raw.read(16_384, decode_content=False)
        if not piece:
            break
        answer += piece
    return bytes(answer)


def _loopback(url: str) -> bool:
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
