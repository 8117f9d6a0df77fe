"""The routes of both generations are those that docs/contract.md lists."""

from __future__ import annotations

import re

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from pulse_otel.local.service.app import create_app
from pulse_otel.local.service.legacy.app import create_legacy_app
from tests.conftest import ROOT

_ROW = re.compile(r"\| `(\S+ \S+)` \|(.*)\|(.*)\|")


@pytest.mark.parametrize(("column", "app"), [(0, create_app()), (1, create_legacy_app())])
def test_the_contract_lists_the_routes(column: int, app: Starlette) -> None:
    text = (ROOT / "docs/contract.md").read_text("utf-8").partition("## 5. Routes")[2]
    listed = {route for route, *cells in _ROW.findall(text) if cells[column].strip()}
    served = {
        f"{method} {route.path}"
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert listed == served
