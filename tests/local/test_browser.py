"""A real browser, with a page of another origin that tries to use the service."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Generator
from typing import Any

from pulse_otel.local.service.app import create_app
from pulse_otel.local.serving import serving
from tests.local.chromium import Page

# Each attempt writes what it got; "blocked" where the browser says nothing else.
PAGE = """<!doctype html><title>evil</title><iframe id=f name=f></iframe>
<form id=form target=f method=post enctype=text/plain action="SERVICE/v1/traces">
<input name='{"resourceSpans":[],"x":"' value='"}'></form>
<script>
const got = {};
const attempt = (name, promise) => promise.then(v => got[name] = v, e => got[name] = "blocked");
const key = {"Authorization": "Bearer pulse_sk_local"};
const text = {"Content-Type": "text/plain"};
const load = (tag, url) => new Promise((ok, no) => {
  const element = document.createElement(tag);
  element.onload = () => ok("loaded"); element.onerror = no;
  element.src = url; document.body.append(element);
});
attempt("read", fetch("SERVICE/v1/traces", {headers: key}).then(r => r.text()));
attempt("page", fetch("SERVICE/").then(r => r.text()));
attempt("opaque", fetch("SERVICE/", {mode: "no-cors"}).then(r => r.text()));
attempt("write", fetch("SERVICE/v1/traces",
  {method: "POST", mode: "no-cors", headers: text, body: "{}"}).then(r => r.text()));
attempt("script", load("script", "SERVICE/health"));
attempt("image", load("img", "SERVICE/"));
attempt("socket", new Promise((ok, no) => {
  const socket = new WebSocket("SERVICE/".replace("http", "ws"));
  socket.onopen = () => ok("opened"); socket.onerror = no;
}));
document.getElementById("form").submit();
</script>"""


# Each attempt has ended, and the frame has left its first document.
ENDED = "Object.keys(got).length === 7 && document.getElementById('f').contentDocument === null"


def test_a_page_of_another_origin_does_not_get_to_the_service(browser: Page) -> None:
    reached: list[tuple[str, str]] = []
    service = create_app()

    async def observed(scope: Any, receive: Any, send: Any) -> None:
        reached.append((scope["method"], scope["path"]))
        await service(scope, receive, send)

    with serving(observed) as url:
        text = PAGE.replace("SERVICE", url.replace("127.0.0.1", "localhost"))
        with _foreign(text.encode()) as foreign:
            browser.open(foreign)
            browser.until(ENDED)
            got = browser.run("got")

    assert got.pop("opaque") in ("", "blocked")
    assert got.pop("write") in ("", "blocked")
    assert got == dict.fromkeys(("read", "page", "script", "image", "socket"), "blocked")
    assert reached == []


@contextlib.contextmanager
def _foreign(body: bytes) -> Generator[str]:
    """Serve a page of another origin; yield its address."""

    class Evil(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Evil) as evil:
        threading.Thread(target=evil.serve_forever, daemon=True).start()
        yield f"http://localhost:{evil.server_address[1]}/"
        evil.shutdown()
