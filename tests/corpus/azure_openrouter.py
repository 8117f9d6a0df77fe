"""Chat completions of Azure OpenAI and of OpenRouter.

https://learn.microsoft.com/azure/foundry/openai
https://openrouter.ai/docs/use-cases/usage-accounting
"""

from __future__ import annotations

from typing import Any

from tests.corpus.exchange import (
    Expected,
    Host,
    bills,
    cached,
    cents,
    delta,
    ends,
    reasoned,
    says,
    tool_calls,
    usage,
)

AZURE = Host("azure", "gpt-4o-mini")  # 0.15, cached 0.075, output 0.6
DEPLOYMENT = Host("azure", "my-deployment")
ROUTER = Host("openrouter", "openai/gpt-4o-mini")
PLAIN = cents((37, 0.15), (11, 0.6))
SAFE = {"hate": {"filtered": False, "severity": "safe"}}
FIRST: dict[str, Any] = {
    "id": "",
    "object": "",
    "created": 0,
    "model": "",
    "choices": [],
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}],
}
FILTERED: dict[str, Any] = {
    "id": "",
    "object": "",
    "created": 0,
    "model": "",
    "choices": [
        {
            "index": 0,
            "finish_reason": None,
            "content_filter_results": SAFE,
            "content_filter_offsets": {"check_offset": 1, "start_offset": 1, "end_offset": 5},
        }
    ],
    "usage": None,
}


FAILED = {"code": 502, "message": "Provider returned error"}


def upstream(dollars: float) -> dict[str, Any]:
    return {"cost_details": {"upstream_inference_cost": dollars}}


EXCHANGES = [
    AZURE.chat(
        "plain with filter results",
        usage(37, 11),
        Expected(37, 11, cents=PLAIN),
        prompt_filter_results=FIRST["prompt_filter_results"],
    ),
    AZURE.chat(
        "cached tokens",
        usage(2048, 11, **cached(1024)),
        Expected(2048, 11, cache_read=1024, cents=cents((1024, 0.15), (1024, 0.075), (11, 0.6))),
    ),
    AZURE.chat(
        "flex tier is half of standard",
        usage(37, 11),
        Expected(37, 11, cents=PLAIN / 2),
        service_tier="flex",
    ),
    AZURE.chat(
        "priority tier has no published price",
        usage(37, 11),
        Expected(37, 11),
        service_tier="priority",
    ),
    DEPLOYMENT.chat(
        "the answer names the model of a deployment",
        usage(37, 11),
        Expected(37, 11, cents=PLAIN, response_model="gpt-4o-mini-2024-07-18"),
        model="gpt-4o-mini-2024-07-18",
    ),
    Host("azure", "gpt-4o").chat(
        "a deployment is not priced by its name",
        usage(37, 11),
        Expected(37, 11, response_model=None),
        model="",
    ),
    AZURE.chat(
        "content filter",
        usage(37, 0),
        Expected(37, 0, text=None, finish="content_filter", cents=cents((37, 0.15))),
        message={"content": None},
        finish="content_filter",
    ),
    DEPLOYMENT.stream(
        "stream with an empty first chunk",
        [
            FIRST,
            says(model="gpt-4o-mini-2024-07-18"),
            ends(model="gpt-4o-mini-2024-07-18"),
            bills(usage(37, 11), model="gpt-4o-mini-2024-07-18"),
        ],
        Expected(37, 11, cents=PLAIN, response_model="gpt-4o-mini-2024-07-18"),
    ),
    AZURE.stream(
        "stream with filter chunks that have no delta",
        [FIRST, says("Hel"), FILTERED, says("lo"), ends(), FILTERED, bills(usage(37, 11))],
        Expected(37, 11, cents=PLAIN),
    ),
    AZURE.stream(
        "stream of a tool after an empty first chunk",
        [
            FIRST,
            delta({"role": "assistant", "content": None, "tool_calls": tool_calls("weather")}),
            ends("tool_calls"),
            bills(usage(37, 11)),
        ],
        Expected(37, 11, text=None, finish="tool_calls", tools=("weather",), cents=PLAIN),
    ),
    ROUTER.chat(
        "stated cost", usage(37, 11, cost=0.0123), Expected(37, 11, cents=1.23), provider="OpenAI"
    ),
    ROUTER.chat("free of charge", usage(37, 11, cost=0), Expected(37, 11, cents=0)),
    ROUTER.chat("no stated cost", usage(37, 11), Expected(37, 11, cents=PLAIN)),
    ROUTER.chat(
        "the upstream's cost explains the stated one",
        usage(37, 11, cost=0.002, is_byok=False, **upstream(0.0019)),
        Expected(37, 11, cents=0.2),
    ),
    ROUTER.chat(
        "with the user's own key the upstream's cost comes on top",
        usage(37, 11, cost=0, is_byok=True, **upstream(0.036)),
        Expected(37, 11, cents=3.6),
    ),
    ROUTER.chat(
        "with the user's own key and without the upstream's cost",
        usage(37, 11, cost=0.0001, is_byok=True),
        Expected(37, 11),
    ),
    ROUTER.chat(
        "cached, written and reasoning tokens",
        usage(2000, 90, cost=0.004, **cached(1000, cache_write_tokens=500), **reasoned(60)),
        Expected(2000, 90, cache_read=1000, cache_write=500, reasoning=60, cents=0.4),
    ),
    ROUTER.chat(
        "reasoning text beside the answer",
        usage(37, 11, cost=0.001),
        Expected(37, 11, cents=0.1),
        message={
            "reasoning": "Hm.",
            "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}],
        },
    ),
    ROUTER.chat(
        "an error beside what a choice says",
        usage(37, 11, cost=0.001),
        Expected(37, 11, finish="error", error="502", cents=0.1),
        finish="error",
        choices=[
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello"},
                "finish_reason": "error",
                "error": FAILED,
            }
        ],
    ),
    ROUTER.stream(
        "stream with an error beside what a choice says",
        [
            says("Hel"),
            says("lo"),
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "error", "error": FAILED}]},
            bills(usage(37, 11, cost=0.001)),
            {"choices": []},
        ],
        Expected(37, 11, finish="error", error="502", cents=0.1),
    ),
    ROUTER.stream(
        "stream with the cost in its last chunk",
        [says(), ends(), bills(usage(37, 11, cost=0.0042))],
        Expected(37, 11, cents=0.42),
    ),
    ROUTER.stream(
        "stream with the usage beside a choice",
        [
            says(),
            ends(),
            delta({"role": "assistant", "content": ""}, usage=usage(37, 11, cost=0.0042)),
        ],
        Expected(37, 11, cents=0.42),
    ),
    ROUTER.stream(
        "stream of a tool",
        [
            delta({"role": "assistant", "content": None, "tool_calls": tool_calls("weather")}),
            ends("tool_calls", native_finish_reason="tool_use"),
            bills(usage(37, 11, cost=0.0042)),
        ],
        Expected(37, 11, text=None, finish="tool_calls", tools=("weather",), cents=0.42),
    ),
]
