"""Make docs/images: the development service's pages, in a real browser, with made-up calls.

    python scripts/screenshots.py

Three widths, light and dark. Needs Chromium on the PATH and the development group.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from pulse_otel.local.service.app import create_app  # noqa: E402
from pulse_otel.local.serving import serving  # noqa: E402
from scripts import made_up_traces  # noqa: E402
from tests.local.chromium import CHROMIUM, NO_CHROMIUM, Page, browsing  # noqa: E402

IMAGES = ROOT / "docs" / "images"
TRACES = 600
SIZES = ((390, 844), (1280, 800), (1920, 1080))
# Name -> the path of the page; TRACE is one of an agent, SESSION the one with the most traces.
PAGES = {
    "list": "/",
    "list-filtered": "/?status=error&time=24h&user=ada",
    "trace": "/dashboard/traces/TRACE",
    "sessions": "/sessions",
    "session": "SESSION",
    "overview": "/overview",
}

_LONGEST = """[...document.querySelectorAll("tbody tr")].map((row) => [
  Number(row.querySelector("[data-name=traces]").innerText), row.querySelector("a"),
]).sort((a, b) => b[0] - a[0])[0][1].getAttribute("href")"""


def photograph(page: Page, url: str, trace: str) -> None:
    """Photograph each page in each size and scheme."""
    page.open(f"{url}/sessions")
    session = page.run(_LONGEST)
    for name, path in PAGES.items():
        for width, height in SIZES:
            for scheme in ("light", "dark"):
                page.window(width, height, dark=scheme == "dark")
                page.open(url + path.replace("TRACE", trace).replace("SESSION", session))
                target = IMAGES / f"{name}-{width}-{scheme}.png"
                page.photograph(target)
                print(f"wrote {target.relative_to(ROOT)}")


def main() -> int:
    """Serve, send, look."""
    if CHROMIUM is None:
        print(f"{NO_CHROMIUM}: the pictures were not made.", file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(create_app(f"{folder}/pulse.db")) as url,
        browsing() as page,
    ):
        trace = made_up_traces.send(url, TRACES)
        page.open(url)
        page.until(f"fetch('/').then(r => r.text()).then(t => t.includes('<b>{TRACES}</b>'))")
        photograph(page, url, trace)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
