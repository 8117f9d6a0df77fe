"""What a failed comparison says, field by field."""

from __future__ import annotations

from typing import Any

import pytest

from pulse_otel.local.provider.replies import chat
from pulse_otel.testing import PulseTraces, call, containing, tool
from pulse_otel.testing.difference import explained
from tests.conftest import MESSAGES

ASK = {"model": "gpt-4o-mini", "messages": MESSAGES}
HEAD = "recorded == expected, with {} recorded and {} expected"


@pytest.fixture
def two_calls(provider: Any, openai_client: Any, pulse_traces: PulseTraces) -> PulseTraces:
    provider.enqueue(chat("It is 18 degrees."), chat("Good bye."))
    for _ in range(2):
        openai_client.chat.completions.create(**ASK)
    return pulse_traces


def test_each_differing_field_is_a_row_and_the_others_are_none(two_calls: PulseTraces) -> None:
    asked = [{"role": "user", "content": "Hello"}]
    expected = [
        call(model="gpt-4o-mini", answer=containing("22"), session_id="s-1"),
        call(messages=asked, answer="Good bye."),
    ]

    assert two_calls != expected
    assert explained(two_calls, expected) == [
        HEAD.format(2, 2),
        "        field                   expected          recorded",
        "1 call  answer                  containing('22')  'It is 18 degrees.'",
        "1 call  session_id              's-1'             None",
        "2 call  messages[0]['content']  'Hello'           'Hello Pulse'",
    ]


def test_what_is_missing_and_what_was_not_expected_is_named(two_calls: PulseTraces) -> None:
    assert explained(two_calls, [call(model="gpt-4o-mini")]) == [
        HEAD.format(2, 1),
        "        field           expected  recorded",
        "2 call  (not expected)  -         call(model='gpt-4o-mini', answer='Good …",
    ]
    assert explained(two_calls.calls, [call(), tool("a"), tool("b")]) == [
        HEAD.format(2, 3),
        "        field           expected        recorded",
        "2 call  kind            'tool'          'call'",
        "3 tool  (not recorded)  tool(name='b')  -",
    ]


def test_either_side_may_be_the_expected_one_and_one_call_may_stand_alone(
    two_calls: PulseTraces,
) -> None:
    one, wanted = two_calls.calls[0], call(answer="no")

    assert explained(wanted, one) == explained(one, wanted) == explained([one], [wanted])
    assert explained(two_calls, []) is not None
    assert explained([1], [2]) is None


def test_a_long_value_is_cut_unless_all_is_wanted(two_calls: PulseTraces) -> None:
    long = "x" * 500
    cut, whole = (
        "\n".join(explained(two_calls.calls[0], call(answer=long), whole=whole) or [])
        for whole in (False, True)
    )

    assert len(cut) < 300
    assert long in whole


def test_an_open_stream_is_mentioned(openai_client: Any, pulse_traces: PulseTraces) -> None:
    stream = openai_client.chat.completions.create(stream=True, **ASK)

    lines = explained(pulse_traces, [call()]) or []
    stream.close()

    assert lines[-1] == "1 not ended: is each stream read to its end, or closed?"


@pytest.mark.parametrize(
    ("value", "part", "is_contained"),
    [
        ("It is 22.", "22", True),
        ("It is 22.", "23", False),
        (None, "22", False),
        (["a", "b"], "b", True),
        (["a", "b"], "c", False),
        ({"a": 1, "b": 2}, {"b": 2}, True),
        ({"a": 1, "b": 2}, {"b": 3}, False),
        (MESSAGES, "Pulse", True),
        (MESSAGES, {"role": "user"}, True),
        (MESSAGES, {"role": "tool"}, False),
        (MESSAGES, {"content": containing("Pulse")}, True),
    ],
)
def test_containing_looks_into_texts_lists_and_dicts(
    value: object, part: object, is_contained: bool
) -> None:
    assert (value == containing(part)) is is_contained


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="modle"):
        call(modle="gpt-4o-mini")  # type: ignore[call-arg]
