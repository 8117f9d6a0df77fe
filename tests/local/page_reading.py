"""The service's pages as a test reads them: their text, without markup."""

from __future__ import annotations

import html
import re
from urllib.parse import quote

import requests

from tests.local.service_client import TIMEOUT_S

OWN_FILES = re.compile(
    r'<link rel="icon" href="data:,">'
    r'|<link rel="stylesheet" href="/assets/[0-9a-f]{12}/style\.css">'
    r'|<script src="/assets/[0-9a-f]{12}/page\.js" defer></script>'
)


def page(url: str) -> str:
    """The HTML at `url`; a page loads and runs nothing but our own files, whatever it shows."""
    answer = requests.get(url, timeout=TIMEOUT_S)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert "script-src 'self'; connect-src 'self'; img-src data:;" in policy
    foreign = OWN_FILES.sub("", answer.text)
    assert not re.search(
        r"<(script|iframe|object|link)|<img [^>]*src=.(?!data:)|\son\w+=\S+>", foreign
    )
    return answer.text


def trace_page(url: str, trace_id: str, query: str = "") -> str:
    """The page of a trace."""
    return page(f"{url}/dashboard/traces/{quote(trace_id, safe='')}{query}")


def words(markup: str) -> str:
    """What is read there: texts, one space between them."""
    body = markup.partition("<body>")[2] or markup
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", body)).split())


def cells(markup: str, trace_id: str) -> list[str]:
    """A trace's row in the list: time, texts, model, tokens, cost, latency, session and user."""
    (row,) = [row for row in markup.split("<tr ") if f"trace {trace_id}" in row]
    return [words(cell) for cell in row.split("<td")[1:] for cell in [f"<td{cell}"]]
