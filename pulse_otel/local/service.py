"""The development trace service: the wire contract of Pulse's current generation, on SQLite.

An application without a server: whoever runs it decides where it listens. Any key that starts
with `pulse_sk_` is accepted and has a project of its own; the key itself is never kept.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias
from urllib.parse import unquote

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pulse_otel.local.ingest import ExportRefused, read_export
from pulse_otel.local.parameters import SPAN_FILTERS, TRACE_FILTERS, BadParameter, page_of
from pulse_otel.local.reading import page_row, session_view, span_view, trace_view
from pulse_otel.local.store import Json, Store, Writer
