"""Chat completions of DeepSeek, Mistral, Moonshot, Together, Fireworks and Cohere.

The sources are in docs/costs.md.
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

DEEPSEEK = Host("deepseek", "deepseek-v4-flash")  # off-peak 0.15, hits 0.003, output 0.6
MISTRAL = Host("mistral", "mistral-small-latest")  # 0.15, cached 0.015, output 0.6
VOXTRAL = Host("mistral", "voxtral-small-latest")  # 0.1, output 0.4; an hour of audio 0.24
KIMI = Host("moonshot", "kimi-k2-0905-preview")  # 0.6, cached 0.15, output 2.5
K3 = Host("moonshot", "kimi-k3")  # 3, cached 0.3, written 3, output 15
TOGETHER = Host("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo")  # 0.88, output 0.88
FIREWORKS = Host("fireworks", "accounts/fireworks/models/kimi-k2p6")  # 0.95, cached 0.16, 4
COHERE = Host("cohere", "command-a-03-2025")  # 2.5, output 10

HITS = {"prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36}
HIT_CENTS = cents((36, 0.15), (64, 0.003), (11, 0.6))
KIMI_CENTS = cents((100, 0.6), (11, 2.5))
REPEATED = cents((10, 0.6), (90, 0.15), (11, 2.5))
TOOLS: dict[str, Any] = {"content": None, "tool_calls": tool_calls("weather")}


def tool(input: int, output: int, cost: float | None) -> Expected:
    return Expected(input, output, text=None, finish="tool_calls", tools=("weather",), cents=cost)


def choice_with(bill: Any, text: str = "", finish: str | None = "stop") -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish, "usage": bill}
    return {"choices": [choice]}


EXCHANGES = [
    DEEPSEEK.chat(
        "hits and misses are the prompt",
        usage(100, 11, **HITS),
        Expected(100, 11, cache_read=64, cents=HIT_CENTS),
    ),
    DEEPSEEK.chat(
        "hits under two names",
        usage(100, 11, **HITS, **cached(64)),
        Expected(100, 11, cache_read=64, cents=HIT_CENTS),
    ),
    DEEPSEEK.chat(
        "reasoning inside, and its text beside the answer",
        usage(100, 500, prompt_cache_hit_tokens=0, prompt_cache_miss_tokens=100, **reasoned(450)),
        Expected(100, 500, reasoning=450, cents=cents((100, 0.15), (500, 0.6))),
        message={"reasoning_content": "Hm."},
    ),
    DEEPSEEK.chat(
        "a tool",
        usage(100, 11),
        tool(100, 11, cents((100, 0.15), (11, 0.6))),
        message=TOOLS,
        finish="tool_calls",
    ),
    DEEPSEEK.chat(
        "searches have no listed price",
        usage(100, 11, server_tool_use={"web_search_requests": 2}),
        Expected(100, 11),
    ),
    DEEPSEEK.chat(
        "its own finish reason",
        usage(100, 11),
        Expected(
            100,
            11,
            finish="insufficient_system_resource",
            cents=cents((100, 0.15), (11, 0.6)),
        ),
        finish="insufficient_system_resource",
    ),
    DEEPSEEK.stream(
        "stream with hits",
        [
            delta({"role": "assistant", "content": None, "reasoning_content": "Hm."}),
            says(),
            ends(),
            bills(usage(100, 11, **HITS)),
        ],
        Expected(100, 11, cache_read=64, cents=HIT_CENTS),
    ),
    DEEPSEEK.stream(
        "stream with the usage beside its end",
        [says(), ends(usage=usage(100, 11, **HITS))],
        Expected(100, 11, cache_read=64, cents=HIT_CENTS),
    ),
    MISTRAL.chat("plain", usage(100, 11), Expected(100, 11, cents=cents((100, 0.15), (11, 0.6)))),
    MISTRAL.chat(
        "cached tokens",
        usage(100, 11, **cached(64)),
        Expected(100, 11, cache_read=64, cents=cents((36, 0.15), (64, 0.015), (11, 0.6))),
    ),
    MISTRAL.chat(
        "text in parts, thoughts among them",
        usage(100, 11),
        Expected(100, 11, cents=cents((100, 0.15), (11, 0.6))),
        message={
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                {"type": "text", "text": "Hello"},
            ]
        },
    ),
    MISTRAL.chat(
        "length of the model",
        usage(100, 11),
        Expected(100, 11, finish="model_length", cents=cents((100, 0.15), (11, 0.6))),
        finish="model_length",
    ),
    VOXTRAL.chat(
        "audio by the second",
        usage(100, 11, prompt_audio_seconds=30),
        Expected(100, 11, cents=cents((100, 0.1), (11, 0.4)) + 30 / 3600 * 24),
    ),
    MISTRAL.stream(
        "stream with the usage beside its end",
        [says(), ends(usage=usage(100, 11))],
        Expected(100, 11, cents=cents((100, 0.15), (11, 0.6))),
    ),
    MISTRAL.stream(
        "stream of a tool with the end in the same chunk",
        [
            says(""),
            delta({"tool_calls": tool_calls("weather")}, "tool_calls", usage=usage(100, 11)),
        ],
        tool(100, 11, cents((100, 0.15), (11, 0.6))),
    ),
    KIMI.chat("plain", usage(100, 11), Expected(100, 11, cents=KIMI_CENTS)),
    KIMI.chat(
        "cached tokens beside the details",
        usage(100, 11, cached_tokens=90),
        Expected(100, 11, cache_read=90, cents=REPEATED),
    ),
    KIMI.chat(
        "cached tokens in both places",
        usage(100, 11, cached_tokens=90, **cached(90)),
        Expected(100, 11, cache_read=90, cents=REPEATED),
    ),
    K3.chat(
        "cache writes",
        usage(1000, 11, **cached(200, cache_write_tokens=500)),
        Expected(
            1000,
            11,
            cache_read=200,
            cache_write=500,
            cents=cents((300, 3), (200, 0.3), (500, 3), (11, 15)),
        ),
    ),
    KIMI.stream(
        "stream with the usage in its choice",
        [says(), choice_with(usage(100, 11, cached_tokens=90))],
        Expected(100, 11, cache_read=90, cents=REPEATED),
    ),
    KIMI.stream(
        "stream with the usage in its choice and after it",
        [says(), choice_with(usage(100, 11)), bills(usage(100, 11))],
        Expected(100, 11, cents=KIMI_CENTS),
    ),
    TOGETHER.chat("plain", usage(100, 11), Expected(100, 11, cents=cents((111, 0.88))), prompt=[]),
    TOGETHER.chat(
        "the end of a sequence",
        usage(100, 11),
        Expected(100, 11, finish="eos", cents=cents((111, 0.88))),
        finish="eos",
    ),
    TOGETHER.chat(
        "a tool",
        usage(100, 11),
        tool(100, 11, cents((111, 0.88))),
        message=TOOLS,
        finish="tool_calls",
    ),
    TOGETHER.stream(
        "stream with the usage beside its end",
        [says(usage=None), ends(usage=usage(100, 11))],
        Expected(100, 11, cents=cents((111, 0.88))),
    ),
    FIREWORKS.chat(
        "cached tokens",
        usage(100, 11, **cached(60)),
        Expected(100, 11, cache_read=60, cents=cents((40, 0.95), (60, 0.16), (11, 4))),
    ),
    FIREWORKS.chat(
        "priority tier has no listed price",
        usage(100, 11),
        Expected(100, 11),
        service_tier="priority",
    ),
    Host("fireworks", "accounts/me/deployments/mine").chat(
        "a deployment is not paid by the token", usage(100, 11), Expected(100, 11)
    ),
    FIREWORKS.stream(
        "stream with the usage beside its end",
        [says(), ends(usage=usage(100, 11))],
        Expected(100, 11, cents=cents((100, 0.95), (11, 4))),
    ),
    COHERE.chat("plain", usage(100, 11), Expected(100, 11, cents=cents((100, 2.5), (11, 10)))),
    COHERE.chat(
        "a tool",
        usage(100, 11),
        tool(100, 11, cents((100, 2.5), (11, 10))),
        message=TOOLS,
        finish="tool_calls",
    ),
    COHERE.stream("stream without usage", [says(), ends()], Expected()),
]
