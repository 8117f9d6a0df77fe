"""Chat completions of servers that people run themselves, and of gateways.

https://docs.litellm.ai/docs/proxy/response_headers
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

OLLAMA = Host("ollama", "llama3.2")
VLLM = Host("vllm", "Qwen/Qwen3-8B")
LITELLM = Host("litellm", "gpt-4o-mini")
GATEWAY = Host("gateway", "gpt-4o-mini")
COST = {"x-litellm-response-cost": "0.0173"}
CALLS = [{"id": "call_0", "function": {"name": "weather", "arguments": "{}"}, "type": "function"}]

EXCHANGES = [
    OLLAMA.chat(
        "one's own machine has no price",
        usage(26, 11),
        Expected(26, 11),
        system_fingerprint="fp_ollama",
    ),
    OLLAMA.chat(
        "thoughts are beside the text and inside the completion",
        usage(26, 211),
        Expected(26, 211),
        message={"reasoning": "Hm."},
    ),
    OLLAMA.chat(
        "a tool with stop as its finish reason",
        usage(26, 11),
        Expected(26, 11, text=None, tools=("weather",)),
        message={"content": "", "tool_calls": CALLS},
    ),
    OLLAMA.stream("stream with usage", [says(), ends(), bills(usage(26, 11))], Expected(26, 11)),
    OLLAMA.stream("stream without usage", [says(), ends()], Expected()),
    OLLAMA.stream(
        "stream of a tool",
        [
            delta({"role": "assistant", "content": "", "tool_calls": tool_calls("weather")}),
            ends("tool_calls"),
            bills(usage(26, 11)),
        ],
        Expected(26, 11, text=None, finish="tool_calls", tools=("weather",)),
    ),
    VLLM.chat(
        "details that are null are not known",
        usage(26, 11, prompt_tokens_details=None),
        Expected(26, 11),
        message={"reasoning_content": None, "tool_calls": []},
    ),
    VLLM.chat("cached tokens", usage(26, 11, **cached(16)), Expected(26, 11, cache_read=16)),
    VLLM.chat("length", usage(26, 11), Expected(26, 11, finish="length"), finish="length"),
    VLLM.stream(
        "stream with usage", [says(""), says(), ends(), bills(usage(26, 11))], Expected(26, 11)
    ),
    VLLM.stream(
        "stream with a cumulative usage on every chunk",
        [
            says("Hel", usage=usage(26, 3)),
            says("lo", usage=usage(26, 8)),
            ends(usage=usage(26, 11)),
            bills(usage(26, 11)),
        ],
        Expected(26, 11),
    ),
    LITELLM.chat(
        "the cost is in a header", usage(37, 11), Expected(37, 11, cents=1.73), headers=COST
    ),
    LITELLM.chat(
        "a header that is no number",
        usage(37, 11),
        Expected(37, 11),
        headers={"x-litellm-response-cost": "None"},
    ),
    LITELLM.chat("without a stated cost", usage(37, 11), Expected(37, 11)),
    LITELLM.chat(
        "cached and written tokens in Anthropic's words, inside the prompt",
        usage(100, 11, cache_read_input_tokens=60, cache_creation_input_tokens=20, **cached(60)),
        Expected(100, 11, cache_read=60, cache_write=20, cents=1.73),
        headers=COST,
    ),
    LITELLM.chat(
        "reasoning inside",
        usage(100, 90, **reasoned(60)),
        Expected(100, 90, reasoning=60, cents=1.73),
        message={"reasoning_content": "Hm."},
        headers=COST,
    ),
    LITELLM.stream(
        "stream with the cost in its usage",
        [says(), ends(), bills(usage(37, 11, cost=0.0042))],
        Expected(37, 11, cents=0.42),
    ),
    LITELLM.stream(
        "stream without a stated cost",
        [says(), ends(), bills(usage(37, 11))],
        Expected(37, 11),
    ),
    GATEWAY.chat(
        "an unknown host with OpenAI's models",
        usage(37, 11),
        Expected(37, 11, cents=cents((37, 0.15), (11, 0.6))),
    ),
    GATEWAY.chat(
        "an unknown host that states its cost",
        usage(37, 11, cost=0.02),
        Expected(37, 11, cents=2),
    ),
    GATEWAY.stream(
        "an unknown host that states its cost in a stream",
        [says(), ends(), bills(usage(37, 11, cost=0.02))],
        Expected(37, 11, cents=2),
    ),
]
