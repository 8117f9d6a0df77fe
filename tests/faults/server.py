"""The server of `tests.faults`: connections, requests, and what was stored."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    """A request as it arrived. The names of headers are lower-case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Exchange:
    """What an action works with."""

    sock: socket.socket
    request: Request
    server: FaultServer
    length: int  # of the body, as announced

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)
        self.server.bytes_sent += len(data)

    def read_body(self, count: int) -> None:
        while len(self.request.body) < count:
            piece = self.sock.recv(min(65_536, count - len(self.request.body)))
            if not piece:
                raise ConnectionError("the client has gone")
            self.request.body += piece

    def wait(self, seconds: float | None = None) -> None:
        """Sleep; ends early, with ConnectionError, when the server does."""
        if self.server.ending.wait(seconds):
            raise ConnectionError("the server ends")

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


@dataclass
class Action:
    """What to do with a request; `at_request`: before its body is read."""

    do: Callable[[Exchange], bool | None]
    at_request: bool = False
    stores: bool = False


Script = Sequence[Action] | Callable[[int, Request], Action]


@dataclass
class FaultServer:
    """See the module. A context manager; listens from `__enter__` to `__exit__`."""

    script: Script = ()
    then: Action | None = None
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    on_connect: Callable[[socket.socket], object] | None = None
    bind_port: int = 0  # 0: any
    received: list[Request] = field(default_factory=list)
    stored: list[Request] = field(default_factory=list)
    connections: int = 0
    bytes_sent: int = 0

    def __post_init__(self) -> None:
        self.ending = threading.Event()
        self._lock = threading.Lock()
        self._number = 0
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> FaultServer:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        address = (self.host, self.bind_port)
        self._listener = socket.create_server(address, family=family, backlog=128)
        self.port: int = self._listener.getsockname()[1]
        shown = f"[{self.host}]" if ":" in self.host else self.host
        self.url = f"{'https' if self.tls else 'http'}://{shown}:{self.port}"
        self._start(self._accept)
        return self

    def __exit__(self, *exc: object) -> None:
        self.ending.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            left = list(self._open)
        for sock in left:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.ending.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        with self._lock:
            self._open.add(sock)
        inner = sock
        try:
            if self.on_connect is not None:
                self.on_connect(sock)
                return
            if self.tls is not None:
                inner = self._handshake(sock, self.tls)
            while self._exchange(inner):
                pass
        except (OSError, ValueError):  # the client has gone, or spoke no TLS; or we end
            pass
        finally:
            with self._lock:
                self._open -= {sock, inner}
            inner.close()
            sock.close()

    def _handshake(self, sock: socket.socket, tls: ssl.SSLContext) -> ssl.SSLSocket:
        inner = tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._open.add(inner)
        try:
            inner.do_handshake()
        except ssl.SSLError:
            # Closing with data unread would be a reset, and the client would not see the alert.
            with contextlib.suppress(OSError):
                inner.shutdown(socket.SHUT_WR)
                inner.settimeout(1)
                while socket.socket.recv(inner, 65_536):
                    pass
            inner.close()
            raise
        return inner

    def _exchange(self, sock: socket.socket) -> bool:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            piece = sock.recv(1)
            if not piece:
                return False
            head += piece
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        pairs = (line.partition(":") for line in lines[1:] if line)
        request = Request(method, path, {k.lower(): v.strip() for k, _, v in pairs})
        exchange = Exchange(sock, request, self, int(request.headers.get("content-length", 0)))
        action = self._next(request)
        if not action.at_request:
            exchange.read_body(exchange.length)
        with self._lock:
            self.received.append(request)
            if action.stores:
                self.stored.append(request)
        return bool(action.do(exchange))

    def _next(self, request: Request) -> Action:
        from tests.faults.actions import answer

        with self._lock:
            self._number += 1
            number = self._number
        if callable(self.script):
            return self.script(number, request)
        if number <= len(self.script):
            return self.script[number - 1]
        return self.then or answer()
