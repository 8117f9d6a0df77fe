"""Make up a run of a shop's agent: it looks at a picture, looks an order up, and answers."""

from __future__ import annotations

import random
from typing import Any

from scripts.made_up_calls import call_values, session_of
from scripts.made_up_picture import LAMP
from scripts.made_up_spans import Span, as_json, span
from scripts.made_up_talks import SYSTEM, TOOLS, USERS

_MODEL = {
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5",
    "gen_ai.response.model": "gpt-5-2026-08-07",
}
_ANSWER = (
    "I am sorry that the lamp arrived broken. A new one leaves our warehouse today, and you need"
    " not send the old one back.\n\n1. You will get an e-mail with the number of the parcel.\n2. It"
    " arrives within three days.\n3. If the shade is scratched again, answer to that e-mail."
)
_THOUGHT = (
    "The customer sends a picture of a broken lamp. I need the order to see whether it can be"
    " replaced."
)
_RUN_S = 5.2


def agent(seed: int, number: int, ago_s: float) -> list[Span]:
    """Make the spans of the run of this number, which ended `ago_s` ago."""
    order = str(random.Random(f"agent {seed} {number}").randint(1000, 9999))
    first, second = _calls(seed, number, order)
    # The attributes of a span, its start in s after the run's, its duration in ms.
    parts = (
        ({"pulse.kind": "agent_run", "pulse.agent.name": "support"}, 0.0, 1000 * _RUN_S),
        (first, 0.04, 1900),
        (_tool(order), 2.0, 340),
        (second, 2.4, 2750),
    )
    user = USERS[number % len(USERS)]
    session = {
        "pulse.session_id": session_of(user, number),
        "pulse.user_id": user,
    }
    place: dict[str, Any] = {"traceId": f"{seed:08x}{number:024x}"}
    spans: list[Span] = []
    for at, (values, start_s, duration_ms) in enumerate(parts):
        ended_s = ago_s + _RUN_S - start_s - duration_ms / 1000
        name = f"{seed} {number}-{at}"
        spans.append(span(name, {**values, **session}, ended_s, duration_ms, **place))
        place.setdefault("parentSpanId", spans[0]["spanId"])
    return spans


def _calls(seed: int, number: int, order: str) -> list[dict[str, Any]]:
    """Make the attributes of both calls; the second has the tool's result."""
    asked = [
        {
            "type": "text",
            "text": f"The lamp of order {order} came like this. Can I have another one?",
        },
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{LAMP}"}},
    ]
    called = {
        "role": "assistant",
        "reasoning_content": _THOUGHT,
        "tool_calls": [{"id": "call_1", "function": _function(order)}],
    }
    result = {"role": "tool", "tool_call_id": "call_1", "content": as_json(_found(order))}
    sent = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": asked}]
    parts = (
        (sent, called),
        ([*sent, called, result], {"role": "assistant", "content": _ANSWER}),
    )
    return [
        {
            **call_values(random.Random(f"{seed} {number} {at}"), number, failing=0),
            "pulse.request": as_json({"model": "gpt-5", "tools": TOOLS, "messages": messages}),
            "pulse.response": as_json({"choices": [{"message": reply}]}),
            "pulse.output_text": reply.get("content", ""),
            **_MODEL,
        }
        for at, (messages, reply) in enumerate(parts)
    ]


def _function(order: str) -> dict[str, Any]:
    return {"name": "find_order", "arguments": as_json({"order": order})}


def _found(order: str) -> dict[str, Any]:
    return {
        "order": order,
        "state": "delivered",
        "item": "Lamp Nora, brass",
        "in_stock": 14,
        "parcel": ["DE-4711", "DE-4712"],
    }


def _tool(order: str) -> dict[str, Any]:
    return {
        "pulse.kind": "tool_use",
        "pulse.tool.name": "find_order",
        "pulse.tool.id": "call_1",
        "pulse.tool.input": as_json({"order": order}),
        "pulse.tool.response": as_json(_found(order)),
    }
