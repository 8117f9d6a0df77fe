"""Drive a headless Chromium by its DevTools protocol: open, look, click, type, photograph."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NO_CHROMIUM = "no chromium on the PATH"
_TIMEOUT_S = 60
_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
    "--disable-extensions", "--disable-background-networking", "--remote-debugging-port=0",
)  # fmt: skip
# Resolves once the expression is true, looked at after each frame and each change of the page.
_UNTIL = """new Promise((done) => {
  const look = () => { try { if (EXPRESSION) return done(true); } catch {} setTimeout(look, 20); };
  look();
})"""


class Page:
    """One page of the browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._calls = 0
        self._session: dict[str, str] = {}
        self.problems: list[str] = []
        """What the browser complained of: errors of scripts, and what the policy refused."""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def _call(self, method: str, **values: Any) -> Any:
        self._calls += 1
        call = {"id": self._calls, "method": method, "params": values, **self._session}
        self._socket.send(json.dumps(call))
        while True:
            answer = json.loads(self._socket.recv(timeout=_TIMEOUT_S))
            if answer.get("id") == self._calls:
                assert "error" not in answer, answer
                return answer["result"]
            self._note(answer)

    def _note(self, event: Any) -> None:
        values = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(values["exceptionDetails"]))
        if event.get("method") == "Log.entryAdded" and values["entry"]["level"] == "error":
            self.problems.append(values["entry"]["text"])

    @contextlib.contextmanager
    def _leaving(self) -> Generator[None]:
        """Wait, at the end of the block, until another page and its files are loaded."""
        self.run("document.documentElement.dataset.left = 1")
        yield
        self.until("!document.documentElement.dataset.left && document.readyState === 'complete'")

    def open(self, url: str) -> None:
        """Go to `url`."""
        with self._leaving():
            self._call("Page.navigate", url=url)

    def run(self, expression: str) -> Any:
        """Evaluate JavaScript in the page; a promise is awaited."""
        found = self._call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until the expression is true, also on the page that comes after this one."""
        for _ in range(10):
            try:
                assert self.run(_UNTIL.replace("EXPRESSION", expression))
            except AssertionError as error:  # the page was left meanwhile
                if not re.search("navigated|context|destroyed", str(error)):
                    raise
            else:
                return

    def follow(self, selector: str) -> None:
        """Click on a link or a button that leads to another page."""
        with self._leaving():
            self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def enter(self) -> None:
        """Press Enter where it leads to another page."""
        with self._leaving():
            self.press("Enter")

    def text(self, selector: str = "body") -> str:
        """Return what a reader sees of the first match, with single spaces."""
        found = self.run(f"document.querySelector({json.dumps(selector)}).innerText")
        return " ".join(found.split())

    def press(self, key: str) -> None:
        """Press a key, as a keyboard does."""
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        code = {"Enter": 13, "Tab": 9}.get(key, 0)
        for kind in ("keyDown", "keyUp"):
            down = text if kind == "keyDown" else {}
            values = {"type": kind, "key": key, "windowsVirtualKeyCode": code, **down}
            self._call("Input.dispatchKeyEvent", **values)

    def type(self, text: str) -> None:
        """Type into the field that has the focus."""
        self._call("Input.insertText", text=text)

    def window(self, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Give the page a size and a colour scheme; below 600 px it is a phone."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def photograph(self, path: Path) -> None:
        """Write a PNG of the window."""
        shot = self._call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))


@contextlib.contextmanager
def browsing() -> Generator[Page]:
    """Run Chromium with a profile of its own; yield its page."""
    assert CHROMIUM, NO_CHROMIUM
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *_OPTIONS, f"--user-data-dir={profile}"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert process.stderr
        try:
            lines = (re.search(r"DevTools listening on (\S+)", line) for line in process.stderr)
            address = next(line[1] for line in lines if line)
            with connect(address, max_size=None, proxy=None) as socket:
                yield Page(socket)
        finally:
            process.terminate()
            process.stderr.close()
            process.wait(timeout=_TIMEOUT_S)
