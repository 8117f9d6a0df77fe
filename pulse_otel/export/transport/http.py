"""One HTTP attempt under one deadline -> Reply, without loops, sleeps or knowledge of spans."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsIndex

from pulse_otel.api_url import is_loopback
from pulse_otel.export.transport.outcome import Outcome, Verdict, decide, one_line
from pulse_otel.log import rate_limited

if TYPE_CHECKING:
    from pulse_otel.config import ApiKey
    from pulse_otel.export.transport.connection import Attempt, Session

ATTEMPT_S = 10.0
"""The longest attempt; the service is slow if its log is long (contract §3.6)."""

MAX_ANSWER_BYTES = 1 << 20

_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # a compressed answer could unpack to any size
    "User-Agent": "pulse-otel",
    "Connection": "keep-alive",
}


class Request(NamedTuple):
    """What to ask of the service; no more than `most_bytes` of the answer are read."""

    method: str
    path: str  # with the query
    body: bytes | None = None
    most_bytes: int = MAX_ANSWER_BYTES


class Reply(NamedTuple):
    """What a request led to; without an answer there are no headers and no body."""

    outcome: Outcome
    headers: Mapping[str, str] = {}  # names in any case
    body: bytes = b""


class Transport:
    """Sends requests to one service. Used by one thread at a time; pooled; follows no redirect.

    It always verifies certificates: with `ca_file` if given, or else as `requests` does (with
    REQUESTS_CA_BUNDLE, or its own bundle). It uses the proxies of the environment, but none for a
    loopback address, which a proxy would resolve to another host. Without a key, requests have no
    Authorization header.
    """

    def __init__(self, base_url: str, key: ApiKey | None, *, ca_file: str | None = None) -> None:
        self._base_url = base_url
        self._key = key
        self._ca_file = ca_file
        self._session: Session | None = None
        self._inherited: Session | None = None  # in a child: the parent's session
        self._pid = os.getpid()
        self._closed = False
        self._loopback = is_loopback(base_url)
        if key is None or self._loopback:
            return
        if base_url.lower().startswith("http://"):
            rate_limited.warning(
                "plain-http", "pulse-otel: api_url is plain http: the API key travels unencrypted"
            )
        if key.is_placeholder:
            rate_limited.warning(
                "placeholder",
                "pulse-otel: api_key is the placeholder of the documentation: put the key of your"
                " project in its place",
            )

    def post(self, path: str, body: bytes, deadline: float) -> Outcome:
        """Post `body` to `path` as `send` does; return the outcome alone."""
        return self.send(Request("POST", path, body), deadline).outcome

    def send(self, request: Request, deadline: float) -> Reply:
        """Send `request`; return by `deadline`, a time of `time.monotonic`.

        Never raises for the network. The deadline does not cover the look-up of the host's name.
        """
        try:
            from opentelemetry.instrumentation.utils import suppress_instrumentation

            from pulse_otel.export.transport import failures
            from pulse_otel.export.transport.connection import Attempt
        except (ImportError, Warning) as error:  # a Warning: if the program makes them errors
            return Reply(_not_imported(error))

        attempt = Attempt(deadline)
        with suppress_instrumentation():
            try:
                return self._attempt(request, attempt)
            except failures.ANY as error:
                served = self._loopback and self._key is not None  # by a service like `serve`
                outcome = failures.explain(error, sent=attempt.sent, loopback=served)
                return Reply(outcome)

    def _attempt(self, request: Request, attempt: Attempt) -> Reply:
        try:
            return self._once(request, attempt)
        except OSError:
            # The service closes a connection that is idle for 10 s (contract §1), and a pooled one
            # may be stale for other reasons. Posting again is safe, since spans have ids. If the
            # deadline has passed, the second post fails at once.
            if attempt.connected:
                raise
            self._disconnect()
            return self._once(request, attempt)

    def _once(self, request: Request, attempt: Attempt) -> Reply:
        from pulse_otel.export.transport.connection import current

        session = self._open()
        token = current.set(attempt)
        try:
            url, timeout_s = self._base_url + request.path, attempt.left_s()
            answered = session.answered(request.method, url, request.body, _HEADERS, timeout_s)
            with answered as response:
                headers, body = response.headers, _read(response, request.most_bytes)
                retry_after, kind = headers.get("Retry-After"), headers.get("Content-Type", "")
                keyless = self._key is None
                outcome = decide(response.status, body, retry_after, kind, keyless=keyless)
                if attempt.reset and outcome.verdict is Verdict.REJECTED:
                    # The missing half may say that it is not about the spans.
                    raise ConnectionResetError(errno.ECONNRESET, "half an answer")
                return Reply(outcome, headers, body)
        finally:
            current.reset(token)
            if self._closed:  # by another thread meanwhile
                session.close()

    def _open(self) -> Session:
        """Return the session, made at the first use, and again in a child after a fork.

        Raises ConnectionAbortedError after `close`.
        """
        if self._closed:
            raise ConnectionAbortedError("the transport is closed")
        session = self._session
        if session is None or self._pid != os.getpid():
            from pulse_otel.export.transport.connection import Session

            # The parent's is kept: closing it takes locks that the parent's threads may have held.
            self._inherited = session
            self._pid = os.getpid()
            self._session = session = Session(proxies=not self._loopback, verify=self._ca_file)
            session.auth = self._authorize
        return session

    def _authorize(self, request: Any) -> Any:
        if self._key is not None:
            request.headers["Authorization"] = _Masked(f"Bearer {self._key.reveal()}")
        return request

    def close(self) -> None:
        """Close the pooled connections of this process for good. Any thread may call this."""
        self._closed = True
        self._disconnect()

    def _disconnect(self) -> None:
        session, self._session = self._session, None
        if session is not None and self._pid == os.getpid():
            session.close()


class _Masked(str):
    """The value of a header, hidden if a dict of headers is printed, and never pickled."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        raise TypeError("a header with an API key cannot be pickled")

    def __copy__(self) -> _Masked:
        return self

    def __deepcopy__(self, memo: object) -> _Masked:
        return self


def _not_imported(error: Exception) -> Outcome:
    said = one_line(f"{type(error).__name__}: {error}")
    return Outcome(Verdict.RETRY, f"the HTTP client cannot be imported ({said})")


def _read(raw: Any, most_bytes: int) -> bytes:
    """Return about `most_bytes` of the answer; if more follows, the connection is closed.

    Reads without unpacking, below the layer that reads chunks of any length. Raises IncompleteRead
    if the answer is shorter than announced.
    """
    raw.enforce_content_length = True
    answer = bytearray()
    while len(answer) < most_bytes:
        piece = raw.read(16_384, decode_content=False)
        if not piece:
            break
        answer += piece
    return bytes(answer)
