"""The actions of `tests.faults`: what becomes of one request."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Mapping

from tests.faults.server import Action, Exchange


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def answer(
    status: int = 200,
    body: bytes = b"{}",
    headers: Mapping[str, str] | None = None,
    *,
    content_type: str | None = "application/json",
    close: bool = False,
    after_s: float = 0.0,
) -> Action:
    """An answer. `headers` come last and may replace Content-Length; 204 has no body."""
    body = b"" if status in (204, 304) else body
    shown = {"Content-Length": str(len(body))} if status not in (204, 304) else {}
    shown |= {"Content-Type": content_type} if content_type else {}
    shown |= {"Connection": "close"} if close else {}

    def do(exchange: Exchange) -> bool:
        if after_s:
            exchange.wait(after_s)
        exchange.send(_head(status, {**shown, **(headers or {})}) + body)
        return not close

    return Action(do, stores=200 <= status < 300)


def redirect(status: int = 302, location: str | None = None, body: bytes = b"") -> Action:
    """A redirect, to `location` if given."""
    return answer(status, body, {"Location": location} if location else {}, content_type=None)


def hang() -> Action:
    """No answer, ever."""
    return Action(lambda exchange: exchange.wait())


def drip(part: str = "body", interval_s: float = 0.5) -> Action:
    """A header or a body that comes one byte at a time, without an end."""

    def do(exchange: Exchange) -> None:
        if part == "header":
            exchange.send(b"HTTP/1.1 200 OK\r\nX: ")
        else:
            exchange.send(_head(200, {"Content-Length": "1000000"}))
        while True:
            exchange.wait(interval_s)
            exchange.send(b" ")

    return Action(do)


def slow_reader(interval_s: float = 0.1, piece_bytes: int = 4096) -> Action:
    """Reads the request slower than it is sent; never answers."""

    def do(exchange: Exchange) -> None:
        exchange.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        while True:
            exchange.wait(interval_s)
            exchange.sock.recv(piece_bytes)

    return Action(do, at_request=True)


def reset(at: str = "before") -> Action:
    """RST: "before" an answer, after "half" the request, within the answer's "header", "body"."""
    begun = {
        "header": b"HTTP/1.1 200 OK\r\nContent-Le",
        "body": _head(200, {"Content-Length": "9"}),
    }

    def do(exchange: Exchange) -> None:
        if at == "half":
            exchange.read_body(exchange.length // 2)
        if at in begun:
            exchange.send(begun[at] + (b"{" if at == "body" else b""))
            exchange.wait(0.05)  # lets the client read it: RST discards what it has not
        exchange.reset()

    return Action(do, at_request=at == "half")


def finish() -> Action:
    """FIN without an answer."""
    return Action(lambda exchange: False)


def early(status: int = 413) -> Action:
    """An answer after half of the request, as a gateway does that finds it too large."""

    def do(exchange: Exchange) -> None:
        exchange.read_body(exchange.length // 2)
        exchange.send(_head(status, {"Content-Length": "0", "Connection": "close"}))
        exchange.wait(0.2)
        exchange.reset()

    return Action(do, at_request=True)


def store_then_reset() -> Action:
    """The spans are stored; the answer never arrives."""
    return Action(lambda exchange: exchange.reset(), stores=True)


def _raw(data: bytes) -> Action:
    return Action(lambda exchange: exchange.send(data))


def garbage() -> Action:
    """Bytes without meaning."""
    return _raw(bytes(range(256)) * 8 + b"\r\n\r\n")


def http09() -> Action:
    """A body without a status line."""
    return _raw(b"{}")


def short_body() -> Action:
    """Valid JSON, but shorter than announced."""
    return _raw(_head(200, {"Content-Length": "10", "Content-Type": "application/json"}) + b"{}")


def huge_header(size: int = 1 << 20) -> Action:
    """One header of `size` bytes."""
    return _raw(_head(200, {"X": "x" * size, "Content-Length": "2"}) + b"{}")


def huge_body(size: int = 200 << 20, status: int = 200, **headers: str) -> Action:
    """A body of `size` bytes."""

    def do(exchange: Exchange) -> None:
        exchange.send(_head(status, {"Content-Length": str(size), **headers}))
        piece = b"[" * 65_536
        for _ in range(size // len(piece)):
            exchange.send(piece)

    return Action(do)


def tunnel(port: int) -> Action:
    """What a proxy does with CONNECT; leads to `port` of this machine."""

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65_536):
                target.sendall(piece)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def do(exchange: Exchange) -> None:
        with socket.create_connection(("127.0.0.1", port)) as far:
            exchange.send(_head(200, {}))
            back = threading.Thread(target=pump, args=(far, exchange.sock), daemon=True)
            back.start()
            pump(exchange.sock, far)
            back.join(5)

    return Action(do)
