"""A name that the package has not, and others have, is answered with ours."""

from __future__ import annotations

import traceback

import pytest

import pulse_otel


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("flush", "flush_buffer"),
        ("force_flush", "flush_buffer"),
        ("init", "init_pulse"),
        ("initialise_pulse", "init_pulse"),
        ("set_session", "session"),
        ("close", "shutdown"),
        ("wrap", "observe"),
        ("observed", "observe"),
        ("traces", "trace"),
        ("current_trace", "current_trace_id"),
    ],
)
def test_a_near_name_is_answered(name: str, meant: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(pulse_otel, name)

    assert str(caught.value).endswith(
        f"has no attribute '{name}'; did you mean pulse_otel.{meant}?"
    )
    said = "".join(traceback.format_exception(caught.value))
    assert said.lower().count("did you mean") == 1  # Python adds none of its own


@pytest.mark.parametrize("name", ["__wrapped__", "_private", "quark"])
def test_any_other_name_is_just_missing(name: str) -> None:
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'$"):
        getattr(pulse_otel, name)
