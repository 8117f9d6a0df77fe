"""Connections of `requests` under one deadline that no server can stretch.

A timeout of `requests` applies to each operation of a socket: a server that sends one byte before
each timeout holds its client for hours. Here the socket's timeout is set to the time left of the
attempt before every read and write: for each address of a name, the proxy's CONNECT, the TLS
handshake, the request, the header and the body.

The deadline does not cover the look-up of a name (the system's resolver has no timeout), and, with
a proxy that is itself reached over TLS, the pieces of one TLS record inside the other TLS.

Imported when the first request is sent: importing `requests` takes time.
"""

from __future__ import annotations

import errno
import http
import http.client
import io
import socket
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3.poolmanager import pool_classes_by_scheme

CONNECT_S = 5.0
"""The longest wait for one address of the service."""

_PIECE_BYTES = 16_384  # one TLS record
_MOST_INTERIM = 100


class Attempt:
    """The deadline of one request.

    `connected`: it needed a new connection. `sent`: some of the request was sent. `reset`: a reset
    ended the answer, which may be half of it.
    """

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self.connected = self.sent = self.reset = False

    def left_s(self) -> float:
        """Return the seconds left. Raises TimeoutError if there are none."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline of the attempt has passed")
        return left


current: ContextVar[Attempt] = ContextVar("pulse_otel_attempt")
"""The attempt of the running thread, since `requests` cannot pass an argument through."""


class _TimedReader(io.RawIOBase):
    """A socket's unbuffered file that limits each read to the time left."""

    ends_with_reset = False

    def __init__(self, raw: io.RawIOBase, sock: Any) -> None:
        self._raw = raw
        self._sock = sock

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def readinto(self, buffer: Any, /) -> int | None:
        self._sock.settimeout(current.get().left_s())
        try:
            return self._raw.readinto(buffer)
        except ConnectionResetError:
            if not self.ends_with_reset:
                raise
            current.get().reset = True
            return 0

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        # All reads go through this file. Detached, not copied, it keeps the socket open until the
        # body is read, even if the connection was closed before.
        self._reader = _TimedReader(cast("Any", self.fp).detach(), sock)
        self.fp = io.BufferedReader(self._reader)

    def begin(self) -> None:
        """Read the answer's header, past interim answers such as 102 and 103.

        Raises HTTPException for 101: nobody asked for another protocol.
        """
        this: Any = self
        for _ in range(_MOST_INTERIM):
            super().begin()
            if not 100 <= self.status < 200:
                # Who refuses a request that it has not read, and then closes, resets: a server in
                # Go so refuses plain http on a TLS port, with an error that has no length.
                measured = self.chunked or "Content-Length" in self.headers
                refused = self.status >= http.HTTPStatus.BAD_REQUEST
                self._reader.ends_with_reset = refused and not measured
                return
            if self.status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                break
            this.headers = this.msg = None  # or the next `begin` would return at once
        raise http.client.HTTPException("no final answer")


class _Timed:
    """Mixin that applies the deadline to a connection of urllib3; precedes its class."""

    sock: Any
    response_class = _TimedResponse
    # If a program sets this on http.client's class, the library prints what it sends, with the key.
    debuglevel = 0

    def connect(self) -> None:
        attempt = current.get()
        attempt.connected, sent = True, attempt.sent
        try:
            super().connect()  # type: ignore[misc]
        finally:
            attempt.sent = sent  # a proxy's CONNECT, and the TLS handshake, are no request

    def send(self, data: Any) -> None:
        # A server may answer before it has read the request, as with 413. urllib3 reads that
        # answer after a BrokenPipeError; version 1.26 after no other error.
        for start in range(0, len(data), _PIECE_BYTES):
            if self.sock is not None:
                self.sock.settimeout(current.get().left_s())
            try:
                super().send(data[start : start + _PIECE_BYTES])  # type: ignore[misc]
                current.get().sent = True
            except ConnectionResetError as error:
                raise BrokenPipeError(*error.args) from error

    def _tunnel(self) -> None:
        super()._tunnel()  # type: ignore[misc]
        self.sock.settimeout(current.get().left_s())  # for the TLS handshake


class _Direct(_Timed):
    """A connection that looks up and dials the host or the HTTP proxy itself."""

    host: str
    port: int

    def _new_conn(self) -> socket.socket:
        name = cast("str", getattr(self, "_dns_host", self.host))  # may end with a dot
        sock = dial(name.strip("[]"), self.port, current.get())
        sys.audit("http.client.connect", self, self.host, self.port)
        return sock


def dial(host: str, port: int, attempt: Attempt) -> socket.socket:
    """Connect to the first address of `host` that answers; each has its share of the time."""
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
            # urllib3 would try to read an answer after a reset.
            reset = isinstance(error, ConnectionResetError)
            failure = ConnectionRefusedError(errno.ECONNREFUSED, "reset") if reset else error
            if sock is not None:
                sock.close()
        else:
            return sock
    raise failure


def _timed(pools: dict[str, Any], connection: type[_Timed]) -> dict[str, Any]:
    """Return the pool classes of urllib3, by scheme, with timed connections."""
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
            # The pools of a SOCKS proxy dial themselves.
            socks = str(proxy).lower().startswith("socks")
            own = manager.pool_classes_by_scheme
            manager.pool_classes_by_scheme = _timed(own, _Timed) if socks else _DIRECT
        return manager

    def build_response(self, req: Any, resp: Any) -> Any:
        """Return urllib3's own response: of the one of `requests`, nothing is needed."""
        return resp


class Session(requests.Session):
    """Timed connections to one service; follows no redirect and keeps no cookie.

    With `proxies`, it uses those of the environment. The environment is read, and an address is
    parsed, once until a request fails: `requests` would do both each time. Used by one thread at a
    time.
    """

    def __init__(self, *, proxies: bool, verify: str | None) -> None:
        super().__init__()
        self._with_proxies = proxies
        # As an argument, since REQUESTS_CA_BUNDLE would replace the session's own.
        self._verify = verify
        self._prepared: dict[str, Any] = {}
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter())

    @contextmanager
    def answered(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout_s: float,
    ) -> Generator[Any]:
        """Send a request; yield urllib3's response, unread."""
        request, settings = self._prepared.pop(url, None) or self._prepare(url)
        request.method, request.body = method, body
        request.headers.update(headers)
        if body is not None:
            request.headers["Content-Length"] = str(len(body))
        try:
            cast("Any", self).auth(request)
            # Not by `self.send`, which would read the whole body of a redirect, of any length.
            response: Any = self.get_adapter(url).send(request, timeout=timeout_s, **settings)
            try:
                yield response
                if body is not None and response.status < 300:  # a proxy, too, answers with errors
                    self._prepared[url] = request, settings
            finally:
                response.close()
                response.release_conn()
        finally:
            request.body = None
            request.headers.clear()  # the key is among them

    def _prepare(self, url: str) -> tuple[Any, Any]:
        request = requests.Request("POST", url).prepare()
        settings: Any = self.merge_environment_settings(request.url, {}, True, self._verify, None)
        if not self._with_proxies:  # `trust_env` would also turn off REQUESTS_CA_BUNDLE
            settings = {**settings, "proxies": {}}
        return request, settings
