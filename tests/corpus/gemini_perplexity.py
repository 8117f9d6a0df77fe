"""Chat completions of Gemini and Perplexity.

https://ai.google.dev/gemini-api/docs/openai
https://docs.perplexity.ai/guides/pricing
"""

from __future__ import annotations

from tests.corpus.exchange import (
    Expected,
    Host,
    bills,
    cached,
    cents,
    delta,
    ends,
    says,
    tool_calls,
    usage,
)

FLASH = Host("gemini", "gemini-2.5-flash")  # 0.3, cached 0.03, output 2.5
PRO = Host("gemini", "gemini-2.5-pro")  # 1.25, output 10; beyond 200,000 tokens 2.5 and 15
SONAR = Host("perplexity", "sonar")
DEEP = Host("perplexity", "sonar-deep-research")
PLAIN = cents((37, 0.3), (11, 2.5))
STATED = {
    "input_tokens_cost": 0.00004,
    "output_tokens_cost": 0.00001,
    "request_cost": 0.005,
    "total_cost": 0.00505,
}
RESEARCH = usage(19, 498, citation_tokens=10_175, reasoning_tokens=95_305, num_search_queries=48)

EXCHANGES = [
    FLASH.chat("plain", usage(37, 11), Expected(37, 11, cents=PLAIN)),
    FLASH.chat(
        "thoughts are in the total alone",
        usage(102, 758, 1725),
        Expected(102, 1623, cents=cents((102, 0.3), (1623, 2.5))),
    ),
    FLASH.chat(
        "cached tokens",
        usage(1000, 11, **cached(900)),
        Expected(1000, 11, cache_read=900, cents=cents((100, 0.3), (900, 0.03), (11, 2.5))),
    ),
    Host("gemini", "models/gemini-2.5-flash").chat(
        "the model's name as a path", usage(37, 11), Expected(37, 11, cents=PLAIN)
    ),
    PRO.chat(
        "a long prompt has higher prices",
        usage(300_000, 100),
        Expected(300_000, 100, cents=cents((300_000, 2.5), (100, 15))),
    ),
    PRO.chat(
        "a prompt at the step has the lower price",
        usage(200_000, 100),
        Expected(200_000, 100, cents=cents((200_000, 1.25), (100, 10))),
    ),
    FLASH.chat(
        "flex tier is half of standard",
        usage(37, 11),
        Expected(37, 11, cents=PLAIN / 2),
        service_tier="flex",
    ),
    FLASH.chat(
        "priority tier depends on the model",
        usage(37, 11),
        Expected(37, 11),
        service_tier="priority",
    ),
    FLASH.chat(
        "a tool",
        usage(37, 11),
        Expected(37, 11, text=None, finish="tool_calls", tools=("weather",), cents=PLAIN),
        message={"content": None, "tool_calls": tool_calls("weather")},
        finish="tool_calls",
    ),
    FLASH.chat(
        "length, with thoughts only",
        usage(37, 0, 137),
        Expected(37, 100, text=None, finish="length", cents=cents((37, 0.3), (100, 2.5))),
        message={"content": None},
        finish="length",
    ),
    FLASH.stream(
        "stream with a cumulative usage on every chunk",
        [
            says("Hel", usage=usage(37, 3, 40)),
            says("lo", usage=usage(37, 8, 45)),
            ends(usage=usage(37, 11, 148)),
        ],
        Expected(37, 111, cents=cents((37, 0.3), (111, 2.5))),
    ),
    FLASH.stream(
        "stream of text with the end in one chunk",
        [delta({"role": "assistant", "content": "Hello"}, "stop", usage=usage(37, 11))],
        Expected(37, 11, cents=PLAIN),
    ),
    FLASH.stream(
        "stream of a whole tool call in one chunk",
        [
            delta(
                {"role": "assistant", "tool_calls": tool_calls("weather")},
                "tool_calls",
                usage=usage(37, 11),
            )
        ],
        Expected(37, 11, text=None, finish="tool_calls", tools=("weather",), cents=PLAIN),
    ),
    SONAR.chat(
        "stated cost, with its fee",
        usage(37, 11, search_context_size="low", cost=STATED),
        Expected(37, 11, cents=0.505),
        citations=["https://a.example"],
    ),
    SONAR.chat("without a stated cost its fee is not known", usage(37, 11), Expected(37, 11)),
    SONAR.chat(
        "a cost in another currency",
        usage(37, 11, cost={**STATED, "currency": "EUR"}),
        Expected(37, 11),
    ),
    DEEP.chat(
        "reasoning and citations are beside the completion",
        {**RESEARCH, "cost": {"total_cost": 0.55}},
        Expected(19, 498, reasoning=95_305, cents=55),
    ),
    SONAR.stream(
        "stream with a cumulative usage, and the cost in the last chunk",
        [
            says("Hel", usage=usage(37, 3)),
            says("lo", usage=usage(37, 8)),
            ends(usage=usage(37, 11, cost=STATED)),
        ],
        Expected(37, 11, cents=0.505),
    ),
    DEEP.stream(
        "stream with reasoning and citations beside the completion",
        [says(usage=usage(19, 3)), ends(usage={**RESEARCH, "cost": {"total_cost": 0.55}})],
        Expected(19, 498, reasoning=95_305, cents=55),
    ),
    DEEP.stream(
        "stream with the cost in a chunk without choices",
        [says(), ends(), bills({**RESEARCH, "cost": {"total_cost": 0.55}})],
        Expected(19, 498, reasoning=95_305, cents=55),
    ),
]
