"""Connections of `requests` under one deadline that no server can stretch.

A timeout of `requests` counts for each operation of a socket: a server that sends one byte before
each runs out holds its client for hours. Here the time that is left of the attempt becomes the
socket's timeout before every single read and write, for each address of a name, the proxy's
CONNECT, the TLS handshake, the request, the header and the body.

Two things are not under it: looking up a name (the system's resolver knows no timeout), and, if
the proxy itself is spoken to over TLS, the pieces of one TLS record inside the other TLS.

Imported when the first request is sent: importing `requests` takes time.
"""

from __future__ import annotations

import errno
import http.client
import io
import socket
import sys
import time
from contextvars import ContextVar
from http.cookiejar import DefaultCookiePolicy
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3.poolmanager import pool_classes_by_scheme

CONNECT_S = 5.0
"""The longest that one address of the service is waited for."""

_PIECE_BYTES = 16_384  # one TLS record


class Attempt:
    """The time that one request has, and whether it needed a new connection."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self.connected = False

    def left_s(self) -> float:
        """The seconds left. Raises TimeoutError if there are none."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline of the attempt has passed")
        return left


current: ContextVar[Attempt] = ContextVar("pulse_otel_attempt")
"""The attempt that the running thread makes. `requests` has no way to hand it through."""


class _TimedReader(io.RawIOBase):
    """A socket's unbuffered file that gives each read the time that is left."""

    def __init__(self, raw: io.RawIOBase, sock: Any) -> None:
        self._raw = raw
        self._sock = sock

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def readinto(self, buffer: Any, /) -> int | None:
        self._sock.settimeout(current.get().left_s())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        # It reads by this file only. Detached, not doubled: it keeps the socket open until the
        # body is read, also if the connection was closed before.
        self.fp = io.BufferedReader(_TimedReader(cast("Any", self.fp).detach(), sock))


class _Timed:
    """What makes a connection of urllib3 a timed one. Goes before its class."""

    sock: Any
    response_class = _TimedResponse
    # The library prints what it sends, the key with it, if a program sets this on its class.
    debuglevel = 0

    def connect(self) -> None:
        current.get().connected = True
        super().connect()  # type: ignore[misc]

    def send(self, data: Any) -> None:
        # The answer to a request cut short, such as 413, is there to be read: urllib3 does so
        # after a BrokenPipeError, and in its line 1.26 after that only.
        for start in range(0, len(data), _PIECE_BYTES):
            if self.sock is not None:
                self.sock.settimeout(current.get().left_s())
            try:
                super().send(data[start : start + _PIECE_BYTES])  # type: ignore[misc]
            except ConnectionResetError as error:
                raise BrokenPipeError(*error.args) from error

    def _tunnel(self) -> None:
        super()._tunnel()  # type: ignore[misc]
        self.sock.settimeout(current.get().left_s())  # for the TLS handshake


class _Direct(_Timed):
    """A connection that looks up and dials the host, or the HTTP proxy, by itself."""

    host: str
    port: int

    def _new_conn(self) -> socket.socket:
        name = cast("str", getattr(self, "_dns_host", self.host))  # may end in a dot
        sock = dial(name.strip("[]"), self.port, current.get())
        sys.audit("http.client.connect", self, self.host, self.port)
        return sock


def dial(host: str, port: int, attempt: Attempt) -> socket.socket:
    """Connect to the first address of `host` that answers, giving each its share of the time."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from error
    failure: OSError = socket.gaierror(socket.EAI_NONAME, "no address")
    for position, (family, kind, protocol, _, address) in enumerate(found):
        sock = None
        try:
            sock = socket.socket(family, kind, protocol)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(min(CONNECT_S, attempt.left_s() / (len(found) - position)))
            sock.connect(address)
            sock.settimeout(attempt.left_s())  # for the TLS handshake
        except OSError as error:
            # urllib3 takes a reset for the end of a request, whose answer may be there to be read.
            reset = isinstance(error, ConnectionResetError)
            failure = ConnectionRefusedError(errno.ECONNREFUSED, "reset") if reset else error
            if sock is not None:
                sock.close()
        else:
            return sock
    raise failure


def _timed(pools: dict[str, Any], connection: type[_Timed]) -> dict[str, Any]:
    """The pool classes of urllib3, by scheme, with timed connections."""
    made: dict[str, Any] = {}
    for scheme, pool in pools.items():
        timed = type(f"Timed{pool.ConnectionCls.__name__}", (connection, pool.ConnectionCls), {})
        made[scheme] = type(f"Timed{pool.__name__}", (pool,), {"ConnectionCls": timed})
    return made


_DIRECT = _timed(pool_classes_by_scheme, _Direct)


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        cast("Any", self).poolmanager.pool_classes_by_scheme = _DIRECT

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        known = proxy in self.proxy_manager
        manager: Any = super().proxy_manager_for(proxy, **kwargs)
        if not known:
            # A SOCKS proxy's pools dial in their own way.
            socks = str(proxy).lower().startswith("socks")
            own = manager.pool_classes_by_scheme
            manager.pool_classes_by_scheme = _timed(own, _Timed) if socks else _DIRECT
        return manager


class Session(requests.Session):
    """A session of timed connections that follows no redirect and keeps no cookie.

    With `proxies`, those of the environment are used.
    """

    def __init__(self, *, proxies: bool) -> None:
        super().__init__()
        self._with_proxies = proxies
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter())
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))

    def merge_environment_settings(self, *args: Any, **kwargs: Any) -> Any:
        """As in `requests`, where `trust_env` would turn off REQUESTS_CA_BUNDLE, too."""
        settings = super().merge_environment_settings(*args, **kwargs)
        return settings if self._with_proxies else {**settings, "proxies": {}}

    def get_redirect_target(self, resp: Any) -> None:
        """None: nothing is a redirect.

        Also when told not to follow one, `requests` reads the whole body of a redirect, however
        long it is, and prepares the next request.
        """
        return
