"""The check of benchmarks/counted.py fails when recording got dearer, and says how."""

from __future__ import annotations

import copy
import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

NAME = "chat small"


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script; its folder is on the path as when it is run."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("counted")


@pytest.fixture
def figures() -> dict[str, Any]:
    def variants(calls: int) -> dict[str, Any]:
        return {
            "bare": {"function calls": 5000},
            "floor": {"function calls": 5300},
            "ours": {"function calls": 5000 + calls},
        }

    return {NAME: variants(1000), "Responses": variants(800)}


def dearer(figures: dict[str, Any], calls: int) -> dict[str, Any]:
    made = copy.deepcopy(figures)
    made[NAME]["ours"]["function calls"] += calls
    return made


def recorded(counted: Any, figures: dict[str, Any]) -> dict[str, Any]:
    return {counted.python(): {"versions": counted.installed(), "workloads": figures}}


def test_a_workload_that_grew_by_more_than_5_percent_fails(
    counted: Any, figures: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    code = counted.check(dearer(figures, 51), recorded(counted, figures))

    said = capsys.readouterr().err
    assert code == 1
    assert "chat small: function calls that recording adds: 1,000 -> 1,051 (+5.1%)" in said
    assert "python benchmarks/counted.py --update" in said
    assert "Responses" not in said


def test_growth_of_5_percent_passes(counted: Any, figures: dict[str, Any]) -> None:
    assert counted.check(dearer(figures, 50), recorded(counted, figures)) == 0


def test_a_workload_without_figures_fails(counted: Any, figures: dict[str, Any]) -> None:
    before = {"Responses": figures["Responses"]}

    assert counted.check(figures, recorded(counted, before)) == 1


def test_figures_of_other_versions_are_not_compared(
    counted: Any, figures: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    before = recorded(counted, figures)
    before[counted.python()]["versions"]["openai"] = "3.0.0"

    code = counted.check(dearer(figures, 500), before)

    assert code == 0
    assert "recorded with 3.0.0" in capsys.readouterr().out


def test_figures_of_another_python_are_not_compared(
    counted: Any, figures: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    code = counted.check(dearer(figures, 500), {"2.7": {}})

    assert code == 0
    assert "not compared: no figures for Python" in capsys.readouterr().out


def test_an_update_leaves_the_figures_of_other_pythons(
    counted: Any, figures: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(counted, "RECORDED", tmp_path / "counted.json")

    counted.update(figures, {"2.7": {"versions": {}, "workloads": {}}})

    written = json.loads((tmp_path / "counted.json").read_text())
    assert written == {
        "2.7": {"versions": {}, "workloads": {}},
        **recorded(counted, figures),
    }


@pytest.mark.parametrize("left_out", ["gen_ai.request.model", "gen_ai.output.messages"])
def test_a_variant_whose_span_lacks_something_is_refused(counted: Any, left_out: str) -> None:
    variants = importlib.import_module("variants")
    workload = counted.WORKLOADS[NAME]
    span = {
        "gen_ai.request.model": workload.request["model"],
        "gen_ai.usage.input_tokens": 14,
        "gen_ai.usage.output_tokens": 8,
        "gen_ai.input.messages": workload.asked,
        "gen_ai.output.messages": workload.answer,
    }
    keys = ("gen_ai.input.messages", "gen_ai.output.messages")
    variants._check(workload, span, keys)
    del span[left_out]

    with pytest.raises(variants.IncompleteSpan, match="the span lacks"):
        variants._check(workload, span, keys)
