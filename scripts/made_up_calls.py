"""Make up the calls of a shop's assistant: a question, and an answer or an error."""

from __future__ import annotations

import random
from typing import Any

from scripts.made_up_spans import Span, as_json, span
from scripts.made_up_talks import ERRORS, MODELS, SYSTEM, TALKS, TOOLS, USERS


def call(seed: int, number: int, ago_s: float) -> Span:
    """Make the call of this number, which ended `ago_s` ago."""
    chance = random.Random(f"{seed} {number}")
    values = call_values(chance, number, failing=0.04)
    return span(f"{seed} {number}", values, ago_s, chance.lognormvariate(7.3, 0.6))


def call_values(chance: random.Random, number: int, failing: float) -> dict[str, Any]:
    """Make the attributes of a call, of which a part is `failing`."""
    provider, model, used, price_in, price_out = chance.choice(MODELS)
    question, answer = chance.choice(TALKS)
    shown = str(chance.randint(1000, 9999))
    user = chance.choice(USERS)
    tokens = chance.randint(80, 6000), chance.randint(20, 900)
    prices = price_in, price_out
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
        "pulse.session_id": session_of(user, number),
        "pulse.user_id": user,
        "pulse.metadata": {"shop": "north", "release": "2026.11.3"},
        "pulse.request": as_json(_request(model, question.format(n=shown))),
    }
    if chance.random() < failing:
        return values | _failure(*chance.choice(ERRORS))
    return values | _success(chance, answer.format(n=shown), tokens, prices)


def session_of(user: str, number: int) -> str:
    """Name the session of a user that the call of this number belongs to."""
    return f"chat-user-{user}-2026-11-{number % 5}-{number // 40:04d}"


def _request(model: str, question: str) -> dict[str, Any]:
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]
    return {"model": model, "messages": messages, "tools": TOOLS, "temperature": 0.2}


def _failure(name: str, code: int, message: str) -> dict[str, Any]:
    error = {"name": name, "message": message, "status": code}
    return {"pulse.error": as_json(error), "pulse.http_status": code, "pulse.attempts": 3}


def _success(
    chance: random.Random, answer: str, tokens: tuple[int, int], prices: tuple[float, float]
) -> dict[str, Any]:
    """Make what an answer adds; `prices` are in $ per 1,000 tokens."""
    body = {"choices": [{"message": {"role": "assistant", "content": answer}}]}
    return {
        "gen_ai.usage.input_tokens": tokens[0],
        "gen_ai.usage.output_tokens": tokens[1],
        "gen_ai.usage.cache_read.input_tokens": tokens[0] // 2,
        "gen_ai.usage.reasoning.output_tokens": tokens[1] // 3,
        "gen_ai.response.time_to_first_chunk": round(chance.uniform(0.2, 1.5), 3),
        "gen_ai.response.finish_reasons": '["stop"]',
        "pulse.cost_cents": sum(count * price for count, price in zip(tokens, prices, strict=True))
        / 10,
        "pulse.output_text": answer,
        "pulse.response": as_json(body),
    }
