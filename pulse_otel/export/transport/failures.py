"""Outcomes of attempts without an answer: the second decision table, exception -> Outcome.

`requests` and urllib3 wrap an error in several layers, which differ between versions; the innermost
exception, which is Python's own, decides. No text of an exception is ever shown: it holds
addresses, and may hold a proxy's password.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import requests
from urllib3 import exceptions
from urllib3.util.ssl_match_hostname import CertificateError

from pulse_otel.export.transport.outcome import Outcome, Verdict

ANY = (OSError, exceptions.HTTPError, http.client.HTTPException)
"""The exceptions of an attempt."""

_CA = "set ca_file / PULSE_CA_FILE if it is signed by an authority of your own"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table; the first row that fits one of the wrapped exceptions decides."""

    said: str  # the failure in words
    kind: type[BaseException] | tuple[type[BaseException], ...]
    verdict: Verdict
    cause: str
    words: tuple[str, ...] = ("",)  # one of them must be in the exception's text
    sent: bool = False  # only if some of the request was sent
    loopback: bool = False  # only of a service on this machine

    def fits(self, error: BaseException, sent: bool, loopback: bool) -> bool:
        """Return whether this row applies to `error`."""
        if (self.sent and not sent) or (self.loopback and not loopback):
            return False
        return isinstance(error, self.kind) and any(word in str(error) for word in self.words)


_UNTRUSTED = ssl.SSLCertVerificationError
_TIMEOUT = (TimeoutError, socket.timeout, requests.Timeout, exceptions.TimeoutError)
_UNREACHED = "the service cannot be reached "
_REFUSED = "(connection refused)"
_CHECK_URL = "check api_url / PULSE_API_URL"

TABLE = (
    Row(
        "proxy answers 407",
        OSError,
        Verdict.PAUSED,
        "the proxy requires a user name and a password (407)",
        ("Tunnel connection failed: 407",),
    ),
    Row(
        "proxy refuses the tunnel",
        OSError,
        Verdict.RETRY,
        "the proxy refuses to connect to the service",
        ("Tunnel connection failed",),
    ),
    Row(
        "certificate expired",
        _UNTRUSTED,
        Verdict.PAUSED,
        "the TLS certificate of the service has expired",
        ("has expired",),
    ),
    Row(
        "certificate of another host",
        (_UNTRUSTED, CertificateError),  # the latter: urllib3 1.26, which compares names itself
        Verdict.PAUSED,
        "the TLS certificate is not for the host of api_url",
        ("match",),
    ),
    Row(
        "certificate not trusted",
        _UNTRUSTED,
        Verdict.PAUSED,
        f"the TLS certificate of the service is not trusted: {_CA}",
    ),
    Row(
        "server without TLS",
        ssl.SSLError,
        Verdict.PAUSED,
        "the server does not speak TLS: check https:// in api_url / PULSE_API_URL",
        ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"),
    ),
    Row(
        "client certificate demanded",
        ssl.SSLError,
        Verdict.PAUSED,
        "the service demands a TLS client certificate, which is not supported",
        ("CERTIFICATE_REQUIRED",),
    ),
    Row(
        "deadline passed after some of the request was sent",
        _TIMEOUT,
        Verdict.TOO_SLOW,
        "the service does not answer in time",
        sent=True,
    ),
    Row(
        "deadline passed before",
        _TIMEOUT,
        Verdict.RETRY,
        _UNREACHED + "(no connection in time)",
    ),
    Row(
        "proxy unreachable",
        (requests.exceptions.ProxyError, exceptions.ProxyError),
        Verdict.RETRY,
        "the proxy cannot be reached",
    ),
    Row(
        "name unknown",
        socket.gaierror,
        Verdict.RETRY,
        f"{_UNREACHED}(unknown host name): {_CHECK_URL}",
    ),
    Row(
        "connection refused on this machine",
        ConnectionRefusedError,
        Verdict.RETRY,
        f"{_UNREACHED}{_REFUSED}: start one with `pulse-otel serve`, or {_CHECK_URL}",
        loopback=True,
    ),
    Row(
        "connection refused",
        ConnectionRefusedError,
        Verdict.RETRY,
        f"{_UNREACHED}{_REFUSED}: {_CHECK_URL}",
    ),
    Row(
        "connection closed without an answer",
        http.client.RemoteDisconnected,
        Verdict.RETRY,
        _UNREACHED + "(connection closed)",
    ),
    Row(
        "connection reset",
        (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError),
        Verdict.RETRY,
        _UNREACHED + "(connection reset)",
    ),
    Row(
        "answer incomplete",
        (http.client.IncompleteRead, exceptions.IncompleteRead),
        Verdict.RETRY,
        "the answer is incomplete",
    ),
    Row(
        "answer that is not HTTP, or has a senseless header",
        http.client.HTTPException,
        Verdict.RETRY,
        f"the answer is not HTTP: {_CHECK_URL} (a Collector takes HTTP on port 4318)",
    ),
    Row(
        "other TLS failure",
        (ssl.SSLError, exceptions.SSLError, requests.exceptions.SSLError),
        Verdict.RETRY,
        "the TLS connection to the service fails",
    ),
    Row(
        "CA file missing",
        OSError,
        Verdict.PAUSED,
        "a TLS CA file is missing: check ca_file / PULSE_CA_FILE and REQUESTS_CA_BUNDLE",
        ("CA certificate bundle",),
    ),
    Row(
        "proxy or address of an unknown kind",
        ValueError,
        Verdict.PAUSED,
        "the address of the service or of its proxy cannot be used",
    ),
)


def explain(error: BaseException, *, sent: bool = False, loopback: bool = False) -> Outcome:
    """Return the outcome of an attempt that ended with `error`.

    `sent`: some of the request was sent, so that the service may have stored it. `loopback`: the
    address is one on this machine, and of a trace service.
    """
    chain = tuple(_unwrapped(error))
    for row in TABLE:
        if any(row.fits(wrapped, sent, loopback) for wrapped in chain):
            return Outcome(row.verdict, row.cause, unconfirmed=sent)
    cause = f"{_UNREACHED}({type(chain[-1]).__name__})"
    return Outcome(Verdict.RETRY, cause, unconfirmed=sent)


def _unwrapped(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and the exceptions that it wraps, outermost first.

    `__context__` is not followed: it may lead to an exception that the program is handling.
    """
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = (*one.args, getattr(one, "reason", None), one.__cause__)
        waiting += [e for e in inner if isinstance(e, BaseException)]
