"""One HTTP attempt under one deadline -> Outcome. No loops, no sleeps, no knowledge of spans."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.utils import suppress_instrumentation

from pulse_otel.export.outcome import Outcome, Verdict, decide
from pulse_otel.log import complaints

if TYPE_CHECKING:
    import requests

ATTEMPT_S = 10.0
"""The service answers slowly when its log is long (contract §3.6)."""

_CONNECT_S = 5.0
_MAX_ANSWER_BYTES = 1 << 20


class Transport:
    """Posts bodies to one address. Used by one thread at a time; pooled; follows no redirect."""

    def __init__(self, url: str, key: Any) -> None:
        self._url = url
        self._key = key
        self._session: requests.Session | None = None
        self._pid = os.getpid()
        if url.startswith("http://") and not _loopback(url):
            complaints.warn(
                "plain-http", "pulse-otel: api_url is plain http: the API key travels unencrypted"
            )

    def post(self, body: bytes, deadline: float) -> Outcome:
        """Send `body`; `deadline` is a time of `time.monotonic`. Never raises for the network."""
        import requests

        with suppress_instrumentation():
            try:
                return self._attempt(body, deadline)
            except requests.exceptions.Timeout:
                return Outcome(Verdict.RETRY, "the service does not answer in time")
            except requests.exceptions.SSLError:
                return Outcome(Verdict.RETRY, "the TLS certificate of the service is not accepted")
            except requests.exceptions.ProxyError:
                return Outcome(Verdict.RETRY, "the proxy cannot be reached")
            except requests.exceptions.RequestException as error:
                return Outcome(Verdict.RETRY, f"the service cannot be reached ({_reason(error)})")

    def _attempt(self, body: bytes, deadline: float) -> Outcome:
        import requests

        try:
            return self._once(body, deadline)
        except requests.exceptions.ConnectionError as error:
            # The service closes a connection idle for 10 s (contract §1); re-sending is safe,
            # as spans are identified by their ids. Nothing of this kind is a fresh refusal.
            if isinstance(error, requests.exceptions.Timeout) or not _stale(error):
                raise
            return self._once(body, deadline)

    def _once(self, body: bytes, deadline: float) -> Outcome:
        remaining = max(0.05, deadline - time.monotonic())
        with self._open().post(
            self._url,
            data=body,
            headers={"Content-Type": "application/json"},
            timeout=(min(_CONNECT_S, remaining), remaining),
            allow_redirects=False,
            stream=True,
        ) as response:
            answer = self._read(response, deadline)
            if answer is None:
                return Outcome(Verdict.RETRY, "the service does not answer in time")
            return decide(response.status_code, answer, response.headers.get("Retry-After"))

    @staticmethod
    def _read(response: Any, deadline: float) -> bytes | None:
        """The answer, at most 1 MiB of it; None if it drips past the deadline."""
        answer = bytearray()
        for piece in response.iter_content(16_384):
            answer += piece
            if time.monotonic() > deadline:
                return None
            if len(answer) > _MAX_ANSWER_BYTES:
                break
        return bytes(answer)

    def _open(self) -> requests.Session:
        """The session, made at first use, and anew in a forked child: sockets are not shared."""
        if self._session is None or self._pid != os.getpid():
            import requests

            self._pid = os.getpid()
            self._session = requests.Session()
            self._session.auth = self._authorize  # as `auth`, so that no netrc replaces it
        return self._session

    def _authorize(self, request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        return request

    def close(self) -> None:
        """Close the pooled connections of this process."""
        if self._session is not None and self._pid == os.getpid():
            self._session.close()
        self._session = None


def _loopback(url: str) -> bool:
    host = url.partition("//")[2].partition("/")[0]
    return host.startswith(("localhost", "127.", "[::1]"))


def _stale(error: BaseException) -> bool:
    text = repr(error)
    return any(word in text for word in ("RemoteDisconnected", "ConnectionReset", "BrokenPipe"))


def _reason(error: BaseException) -> str:
    """A few words; never the exception's text, which holds addresses."""
    text = repr(error)
    words = {
        "NameResolutionError": "its name is not known",
        "Connection refused": "connection refused",
        "ConnectionReset": "connection reset",
        "RemoteDisconnected": "connection closed",
    }
    return next((said for word, said in words.items() if word in text), type(error).__name__)
