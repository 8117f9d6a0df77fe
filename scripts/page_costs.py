"""Print the CPU that each view of the development service's pages costs, by the size of the file.

    python scripts/page_costs.py [1000 10000 100000]

Milliseconds of this process per view, the median of several, and thousands of steps of SQLite's
machine, which a busy computer does not change. The aim is 20 ms, whatever the size.
"""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from pulse_otel.local.service.app import create_app  # noqa: E402
from pulse_otel.local.service.ingest import read_export  # noqa: E402
from scripts import made_up_spans, made_up_traces  # noqa: E402

SIZES = (1_000, 10_000, 100_000)
VIEWS_EACH = 9
# Name -> path; the words in capitals are taken from the first pages.
VIEWS = {
    "list": "/",
    "list, next page": "NEXT",
    "list, one user": "/?user=ada",
    "list, failed, one user": "/?status=error&user=ada",
    "list, one model": "/?model=claude-opus-5",
    "list, dearest of all": "/?sort=cost",
    "list, dearest of today": "/?time=today&sort=cost",
    "list, with tools": "/?kind=tools",
    "list, a rare text": "/?q=1234",
    "list, a frequent text": "/?q=lamp",
    "what is new: nothing": "/traces/new?since=MARK",
    "what is new: 10 spans": "/traces/new?since=BEFORE",
    "trace": "/dashboard/traces/TRACE",
    "sessions": "/sessions",
    "session": "SESSION",
    **{
        f"overview, {name}": f"/overview?range={name}" for name in ("1h", "24h", "7d", "30d", "all")
    },
}


def view(app: Any, path: str) -> str:
    """Ask the application itself, without a network; return the page."""
    path, _, query = path.partition("?")
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
        "query_string": query.encode(), "headers": [(b"host", b"localhost")], "root_path": "",
        "scheme": "http", "server": ("localhost", 80), "http_version": "1.1",
    }  # fmt: skip
    parts: list[bytes] = []
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 200))
        parts.append(message.get("body", b""))

    asyncio.run(app(scope, receive, send))
    assert max(statuses) < 300, (path, statuses)
    return b"".join(parts).decode()


def costs(size: int, folder: str) -> dict[str, tuple[float, float]]:
    """Fill a file with `size` traces; return the ms and the thousands of steps of each view."""
    app = create_app(f"{folder}/{size}.db")
    trace = ""
    for spans in made_up_traces.batches(size):
        trace = next((s["traceId"] for s in spans if "parentSpanId" in s), trace)
        body = json.dumps(made_up_spans.export(spans)).encode()
        app.state.store.insert(read_export(body, project_id="shop", now_ms=0).rows)
    mark = app.state.list.mark()
    after = re.search(r'rel="next" href="([^"]*)"', view(app, "/"))
    session = re.search(r'href="(/sessions/[^"]+)"', view(app, "/sessions"))
    values = {
        "SESSION": session[1] if session else "/sessions",
        "NEXT": after[1].replace("&amp;", "&") if after else "/",
        "MARK": str(mark),
        "BEFORE": str(mark - 10),
        "TRACE": trace,
    }
    paths = {name: _filled(path, values) for name, path in VIEWS.items()}
    return {name: (_median(app, path), _steps(app, path)) for name, path in paths.items()}


def _filled(path: str, values: dict[str, str]) -> str:
    return re.sub("[A-Z]{4,}", lambda name: values[name[0]], path)


def _median(app: Any, path: str) -> float:
    view(app, path)
    taken: list[float] = []
    for _ in range(VIEWS_EACH):
        begin = time.process_time()
        view(app, path)
        taken.append(1000 * (time.process_time() - begin))
    return statistics.median(taken)


def _steps(app: Any, path: str) -> float:
    hundreds = 0

    def count() -> int:
        nonlocal hundreds
        hundreds += 1
        return 0

    connection = app.state.store._connection
    connection.set_progress_handler(count, 100)
    view(app, path)
    connection.set_progress_handler(None, 0)
    return hundreds / 10


def main(arguments: list[str]) -> int:
    """Print the table."""
    sizes = [int(size) for size in arguments] or [*SIZES]
    with tempfile.TemporaryDirectory() as folder:
        found = [costs(size, folder) for size in sizes]
    print(f"{'ms of CPU, 1,000 steps':26}" + "".join(f"{size:>16,}" for size in sizes))
    for name in VIEWS:
        print(f"{name:26}" + "".join("{:9.1f}{:7.1f}".format(*one[name]) for one in found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
