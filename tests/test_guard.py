"""The guards: a result, or what stands for it where an error was kept from the program."""

from __future__ import annotations

import logging

import pytest

from pulse_otel.guard import FAILED, guarded, internal_errors, tried


def broken() -> str:
    raise ValueError("secret")


def test_a_guarded_function_gives_its_result() -> None:
    assert guarded(max, 1, 2, otherwise=0) == 2


@pytest.mark.usefixtures("not_strict")
def test_an_error_of_ours_is_replaced_counted_and_logged_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = internal_errors()

    with caplog.at_level(logging.WARNING, "pulse_otel"):
        assert guarded(broken) is None
        assert guarded(broken, otherwise=FAILED) is FAILED

    assert internal_errors() == before + 2
    assert [record.getMessage() for record in caplog.records] == [
        "pulse-otel: internal error in broken (ValueError); the program is not affected"
    ]


def test_what_is_tried_gives_its_result_or_what_stands_for_it() -> None:
    assert tried(max, 1, 2, otherwise=0) == 2
    assert tried(broken, otherwise=0) == 0
    assert tried(broken, kinds=ValueError, otherwise=0) == 0


def test_an_error_of_another_kind_than_expected_is_raised() -> None:
    with pytest.raises(ValueError, match="secret"):
        tried(broken, kinds=(TypeError, KeyError), otherwise=0)
