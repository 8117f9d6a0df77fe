"""Chat completions of Groq and xAI.

https://console.groq.com/docs/service-tiers
https://docs.x.ai/developers/cost-tracking
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
    reasoned,
    says,
    tool_calls,
    usage,
)

LLAMA = Host("groq", "llama-3.3-70b-versatile")  # 0.59, output 0.79
OSS = Host("groq", "openai/gpt-oss-120b")  # 0.15, cached 0.075, output 0.6
GROK = Host("xai", "grok-4")  # 3, cached 0.75, output 15
PLAIN = cents((37, 0.59), (11, 0.79))
TIMED = usage(37, 11, queue_time=0.01, prompt_time=0.001, completion_time=0.02, total_time=0.021)
BESIDE = usage(37, 9, 46 + 233, **reasoned(233))
BESIDE_CENTS = cents((37, 3), (242, 15))

SEARCHED = {"index": 0, "type": "browser_search", "arguments": "{}", "output": "o"}

EXCHANGES = [
    LLAMA.chat(
        "plain",
        TIMED,
        Expected(37, 11, cents=PLAIN),
        x_groq={"id": "req_1"},
        service_tier="on_demand",
    ),
    LLAMA.chat(
        "flex tier costs the same",
        TIMED,
        Expected(37, 11, cents=PLAIN),
        service_tier="flex",
    ),
    LLAMA.chat(
        "performance tier is not paid by the token",
        TIMED,
        Expected(37, 11),
        service_tier="performance",
    ),
    OSS.chat(
        "cached tokens, reasoning inside",
        usage(1000, 300, **cached(400), **reasoned(250)),
        Expected(
            1000,
            300,
            cache_read=400,
            reasoning=250,
            cents=cents((600, 0.15), (400, 0.075), (300, 0.6)),
        ),
        message={"reasoning": "Hm."},
    ),
    OSS.chat(
        "tools that it executed are billed apart",
        usage(1000, 300),
        Expected(1000, 300),
        message={"executed_tools": [SEARCHED]},
    ),
    OSS.stream(
        "stream with a tool that it executed",
        [
            delta({"role": "assistant", "executed_tools": [{**SEARCHED, "output": None}]}),
            delta({"executed_tools": [SEARCHED]}),
            says(),
            ends(x_groq={"usage": usage(1000, 300)}),
        ],
        Expected(1000, 300),
    ),
    Host("groq", "groq/compound").chat(
        "a system of several models has no listed price", usage(1000, 300), Expected(1000, 300)
    ),
    LLAMA.chat(
        "a tool",
        TIMED,
        Expected(37, 11, text=None, finish="tool_calls", tools=("weather",), cents=PLAIN),
        message={"content": None, "tool_calls": tool_calls("weather")},
        finish="tool_calls",
    ),
    LLAMA.stream(
        "stream with the usage in x_groq",
        [says(x_groq={"id": "req_1"}), ends(x_groq={"id": "req_1", "usage": TIMED})],
        Expected(37, 11, cents=PLAIN),
    ),
    LLAMA.stream(
        "stream with the usage in both places",
        [says(), ends(x_groq={"id": "req_1", "usage": TIMED}), bills(TIMED)],
        Expected(37, 11, cents=PLAIN),
    ),
    LLAMA.stream(
        "stream of a tool with the usage in x_groq",
        [
            delta({"role": "assistant", "tool_calls": tool_calls("weather")}),
            ends("tool_calls", x_groq={"usage": TIMED}),
        ],
        Expected(37, 11, text=None, finish="tool_calls", tools=("weather",), cents=PLAIN),
    ),
    LLAMA.stream(
        "stream cut by length",
        [says(), ends("length", x_groq={"usage": TIMED})],
        Expected(37, 11, finish="length", cents=PLAIN),
    ),
    GROK.chat(
        "reasoning is beside the completion",
        BESIDE,
        Expected(37, 242, reasoning=233, cents=BESIDE_CENTS),
    ),
    GROK.chat(
        "reasoning that is inside after all is not counted twice",
        usage(37, 242, **reasoned(233)),
        Expected(37, 242, reasoning=233, cents=BESIDE_CENTS),
    ),
    GROK.chat(
        "the cost is in ticks",
        {**BESIDE, "cost_in_usd_ticks": 37_756_000},
        Expected(37, 242, reasoning=233, cents=0.37756),
    ),
    GROK.chat(
        "cached tokens",
        usage(1000, 100, **cached(600), **reasoned(0)),
        Expected(
            1000,
            100,
            cache_read=600,
            reasoning=0,
            cents=cents((400, 3), (600, 0.75), (100, 15)),
        ),
    ),
    GROK.chat(
        "searches are in the stated cost",
        usage(37, 11, num_sources_used=3, cost_in_usd_ticks=750_000_000),
        Expected(37, 11, cents=7.5),
    ),
    GROK.chat(
        "priority tier without a stated cost",
        usage(37, 11),
        Expected(37, 11),
        service_tier="priority",
    ),
    GROK.chat(
        "priority tier with a stated cost",
        usage(37, 11, cost_in_usd_ticks=10_000_000),
        Expected(37, 11, cents=0.1),
        service_tier="priority",
    ),
    GROK.chat(
        "a cost in dollars is nothing that it states",
        usage(37, 11, cost=5),
        Expected(37, 11, cents=cents((37, 3), (11, 15))),
    ),
    GROK.stream(
        "stream with reasoning beside the completion",
        [says(), ends(), bills(BESIDE)],
        Expected(37, 242, reasoning=233, cents=BESIDE_CENTS),
    ),
    GROK.stream(
        "stream with the cost in ticks",
        [
            delta({"role": "assistant", "reasoning_content": "Hm."}),
            says(),
            ends(),
            bills({**BESIDE, "cost_in_usd_ticks": 37_756_000}),
        ],
        Expected(37, 242, reasoning=233, cents=0.37756),
    ),
    GROK.stream(
        "stream with a cumulative usage on every chunk",
        [
            says("Hel", usage=usage(37, 1, 138, **reasoned(100))),
            says("lo", usage=usage(37, 2, 272, **reasoned(233))),
            ends(usage=BESIDE),
        ],
        Expected(37, 242, reasoning=233, cents=BESIDE_CENTS),
    ),
]
