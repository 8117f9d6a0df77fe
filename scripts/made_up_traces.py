"""Make up the calls of a shop's assistant, for pictures and measurements of the service's pages.

The same number gives the same calls; their times end now.
"""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Iterator
from typing import Any

import requests

from scripts.made_up_picture import LAMP

Span = dict[str, Any]

KEY = "pulse_sk_picture"
_PER_REQUEST = 500
_MODELS = (
    ("openai", "gpt-5", "gpt-5-2026-08-07", 0.00125, 0.01),
    ("openai", "gpt-5-mini", "gpt-5-mini-2026-08-07", 0.00025, 0.002),
    ("anthropic", "claude-opus-5", "claude-opus-5", 0.005, 0.025),
    ("anthropic", "claude-haiku-5", "claude-haiku-5", 0.001, 0.005),
)
_USERS = ("ada", "grace", "linus", "barbara", "edsger", "margaret", "donald", "radia")
_TALKS = (
    ("Where is my order {n}?", "It left our warehouse this morning and arrives on Thursday."),
    (
        "Can I return the lamp? It is too bright for the hall.",
        "Yes, within 30 days. I have sent you a label; put it on the box and leave it at any post"
        " office.",
    ),
    (
        "Which of the two desks fits a room of 2 by 3 metres?",
        "The small one: it is 120 cm wide and leaves room for a chair and for the door.",
    ),
    (
        "Please write to the customer of order {n} that the sofa will be late.",
        "Dear customer, your sofa will reach us a week later than planned. We are sorry, and bring"
        " it to your door on the first day we can.",
    ),
    (
        "Summarise what people say about the oak table.",
        "Most like the wood and the finish. A few found the legs hard to mount, and two received a"
        " scratched top.",
    ),
    ("Translate: the shelf holds up to 40 kg.", "Das Regal trägt bis zu 40 kg."),
    (
        "How many chairs of the series Nora are left?",
        "There are {n} in stock, and forty more will come on Monday.",
    ),
    (
        "Is the fabric washable?",
        "Yes, at 30 degrees. Take the covers off, and close the zips first.",
    ),
)
_ERRORS = (
    ("RateLimitError", 429, "Rate limit reached for requests per minute. Try again in 20 s."),
    ("APIStatusError", 529, "Overloaded"),
    ("BadRequestError", 400, "This model's maximum context length is 400,000 tokens."),
)
_TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": said,
            "parameters": {"type": "object", "properties": {"order": {"type": "string"}}},
        },
    }
    for name, said in (
        ("find_order", "Find an order by its number, with its state and its parcels."),
        ("cancel_order", "Cancel an order that has not left the warehouse."),
    )
]


def send(url: str, count: int, *, seed: int = 1) -> str:
    """Send `count` traces to the service at `url`; return the id of the last agent's."""
    rich = ""
    for spans in batches(count, seed=seed):
        rich = next((s["traceId"] for s in reversed(spans) if "parentSpanId" in s), rich)
        _post(url, spans)
    return rich


def batches(count: int, *, seed: int = 1) -> Iterator[list[Span]]:
    """Make the spans of `count` traces, the last one now, in lists that fit a request."""
    spans: list[Span] = []
    for number in range(count):
        ago_s = (count - number - 1) * 41 * (0.5 + 0.5 * (number % 7) / 7)
        agent = number % 9 == 5
        spans += _agent(seed, number, ago_s) if agent else [_call(seed, number, ago_s)]
        if len(spans) >= _PER_REQUEST or number == count - 1:
            yield spans
            spans = []


def export(spans: list[Span]) -> dict[str, Any]:
    """Make the body of a request."""
    resource = {"attributes": _attributes({"service.name": "shop"})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}


def _post(url: str, spans: list[Span]) -> None:
    key = {"Authorization": f"Bearer {KEY}"}
    while True:
        answer = requests.post(f"{url}/v1/traces", json=export(spans), headers=key, timeout=60)
        if answer.status_code != 503:  # the service's queue is full
            break
        time.sleep(0.2)
    answer.raise_for_status()
    assert answer.json() == {}, answer.text


def _call(seed: int, number: int, ago_s: float, **more: Any) -> dict[str, Any]:
    chance = random.Random(f"{seed} {number}")
    provider, model, used, price_in, price_out = chance.choice(_MODELS)
    question, answer = chance.choice(_TALKS)
    shown = str(chance.randint(1000, 9999))
    question, answer = question.format(n=shown), answer.format(n=shown)
    user = chance.choice(_USERS)
    tokens_in, tokens_out = chance.randint(80, 6000), chance.randint(20, 900)
    values: dict[str, Any] = {
        "pulse.kind": "llm_call",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
        "gen_ai.response.model": used,
        "gen_ai.response.id": f"chatcmpl-{number:08d}",
        "pulse.request_id": f"req_{chance.getrandbits(64):016x}",
        "pulse.attempts": 1,
        "pulse.http_status": 200,
        "pulse.session_id": f"chat-user-{user}-2026-11-{number % 5}-{number // 40:04d}",
        "pulse.user_id": user,
        "pulse.metadata": {"shop": "north", "release": "2026.11.3"},
        "pulse.request": _json(
            {
                "model": model,
                "messages": [
                    {
                        "role": "system",
                        "content": "You help the customers of a furniture shop. Be brief and kind.",
                    },
                    {"role": "user", "content": question},
                ],
                "tools": _TOOLS,
                "temperature": 0.2,
            }
        ),
    }
    status: dict[str, Any] = {}
    if chance.random() < 0.04:
        name, code, message = chance.choice(_ERRORS)
        error = {"name": name, "message": message, "status": code}
        values |= {"pulse.error": _json(error), "pulse.http_status": code, "pulse.attempts": 3}
        status = {"code": 2}
    else:
        values |= {
            "gen_ai.usage.input_tokens": tokens_in,
            "gen_ai.usage.output_tokens": tokens_out,
            "gen_ai.usage.cache_read.input_tokens": tokens_in // 2,
            "gen_ai.usage.reasoning.output_tokens": tokens_out // 3,
            "gen_ai.response.time_to_first_chunk": round(chance.uniform(0.2, 1.5), 3),
            "gen_ai.response.finish_reasons": '["stop"]',
            "pulse.cost_cents": (tokens_in * price_in + tokens_out * price_out) / 10,
            "pulse.output_text": answer,
            "pulse.response": _json(
                {"choices": [{"message": {"role": "assistant", "content": answer}}]}
            ),
        }
    return _span(values | more, ago_s, chance.lognormvariate(7.3, 0.6), f"{seed} {number}", status)


def _agent(seed: int, number: int, ago_s: float) -> list[Span]:
    """An agent's run: it calls, looks an order up, looks at a picture, and answers."""
    chance = random.Random(f"agent {seed} {number}")
    order = str(chance.randint(1000, 9999))
    asked = [
        {
            "type": "text",
            "text": f"The lamp of order {order} came like this. Can I have another one?",
        },
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{LAMP}"}},
    ]
    system = {
        "role": "system",
        "content": "You help the customers of a furniture shop. Be brief and kind.",
    }
    called = {
        "role": "assistant",
        "reasoning_content": "The customer sends a picture of a broken lamp. I need the order to"
        " see whether it can be replaced.",
        "tool_calls": [
            {
                "id": "call_1",
                "function": {"name": "find_order", "arguments": _json({"order": order})},
            }
        ],
    }
    found = {
        "order": order,
        "state": "delivered",
        "item": "Lamp Nora, brass",
        "in_stock": 14,
        "parcel": ["DE-4711", "DE-4712"],
    }
    result = {"role": "tool", "tool_call_id": "call_1", "content": _json(found)}
    answer = (
        "I am sorry that the lamp arrived broken. A new one leaves our warehouse today, and you"
        " need not send the old one back.\n\n1. You will get an e-mail with the number of the"
        " parcel.\n2. It arrives within three days.\n3. If the shade is scratched again, answer to"
        " that e-mail."
    )
    sent = {
        "model": "gpt-5",
        "tools": _TOOLS,
        "messages": [system, {"role": "user", "content": asked}],
    }
    again = {**sent, "messages": [*sent["messages"], called, result]}
    replies = [called, {"role": "assistant", "content": answer}]
    model = {
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.response.model": "gpt-5-2026-08-07",
    }
    texts = [
        {
            "pulse.request": _json(body),
            "pulse.response": _json({"choices": [{"message": reply}]}),
            "pulse.output_text": reply.get("content", ""),
            **model,
        }
        for body, reply in zip((sent, again), replies, strict=True)
    ]
    trace = f"{seed:08x}{number:024x}"
    plain: dict[str, Any] = {"pulse.error": None}
    run = {"pulse.kind": "agent_run", "pulse.agent.name": "support"}
    tool = {
        "pulse.kind": "tool_use", "pulse.tool.name": "find_order", "pulse.tool.id": "call_1",
        "pulse.tool.input": _json({"order": order}), "pulse.tool.response": _json(found),
    }  # fmt: skip
    parts = ((run, 0.0, 5200), (texts[0], 0.04, 1900), (tool, 2.0, 340), (texts[1], 2.4, 2750))
    session = {
        "pulse.session_id": f"chat-user-{_USERS[number % 8]}-2026-11-9-{number:04d}",
        "pulse.user_id": _USERS[number % 8],
    }
    spans: list[Span] = []
    for at, (values, later_s, duration) in enumerate(parts):
        span = _call(seed, number, ago_s, **plain)
        own = values if "pulse.kind" in values else _values(span) | values
        parent = {"parentSpanId": spans[0]["spanId"]} if spans else {}
        ends = ago_s + 5.2 - later_s - duration / 1000
        spans.append(
            _span(
                {**own, **session},
                ends,
                duration,
                f"{seed} {number}-{at}",
                {},
                traceId=trace,
                **parent,
            )
        )
    return spans


def _values(span: dict[str, Any]) -> dict[str, Any]:
    return {
        entry["key"]: next(iter(entry["value"].values()))
        for entry in span["attributes"]
        if "kvlistValue" not in entry["value"]
    }


def _span(
    values: dict[str, Any],
    ago_s: float,
    duration_ms: float,
    name: str,
    status: dict[str, Any],
    **more: Any,
) -> dict[str, Any]:
    start = time.time_ns() - int((ago_s + duration_ms / 1000) * 1e9)
    return {
        "traceId": uuid.uuid5(uuid.NAMESPACE_URL, f"trace {name}").hex,
        "spanId": uuid.uuid5(uuid.NAMESPACE_URL, f"span {name}").hex[:16],
        "name": "chat",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + int(duration_ms * 1e6)),
        "attributes": _attributes(
            {key: value for key, value in values.items() if value is not None}
        ),
        "status": status,
        **more,
    }


def _attributes(values: dict[str, Any]) -> list[Span]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _attributes(value)}}
    kinds = {int: "intValue", float: "doubleValue", str: "stringValue"}
    return {kinds[type(value)]: value}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
