"""Run an ASGI application on loopback, in a thread of this process."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Generator
from typing import Any

import uvicorn

from pulse_otel.local.access import LocalClientsOnly
from pulse_otel.local.upload_time import BodyInTime, HeadInTime

HOST = "127.0.0.1"
_START_TIMEOUT_S = 10.0


@contextlib.contextmanager
def serving(app: Any, *, port: int = 0) -> Generator[str]:
    """Serve `app` on 127.0.0.1 while the block runs; yield the base URL, without a final slash.

    It answers requests to loopback names only, and no web page of another origin; it closes
    connections of clients that are too slow. `port` 0 takes a free port. Raises OSError if the
    port is taken, RuntimeError if the server does not start.
    """
    listener = socket.create_server((HOST, port))
    # Without this, the body, which is written after the head, waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        LocalClientsOnly(BodyInTime(app)),
        http=HeadInTime,
        ws="none",
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"the server at {url} did not start")
            time.sleep(0.005)
        yield url
    finally:
        server.should_exit = True
        thread.join(timeout=5)
        listener.close()
