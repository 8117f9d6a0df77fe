"""Chat completions of OpenAI.

https://platform.openai.com/docs/api-reference/chat/object
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

MINI = Host("openai", "gpt-4o-mini")  # 0.15, cached 0.075, output 0.6
USED = Host("openai", "gpt-4o-mini", stream_options={"include_usage": True})
GPT5 = Host("openai", "gpt-5")  # 1.25, cached 0.125, output 10; flex half, priority twice
OLD_AUDIO = Host("openai", "gpt-4o-audio-preview")  # its audio is not listed
AUDIO = Host("openai", "gpt-audio")  # 2.5, audio 32, output 10, audio 64
SPOKEN_USAGE = usage(
    100, 50, prompt_tokens_details={"audio_tokens": 60}, **reasoned(0, audio_tokens=40)
)
SPOKEN = {"id": "a", "data": "UklGRg==", "expires_at": 1, "transcript": "Spoken"}
SPOKEN_CENTS = cents((40, 2.5), (60, 32), (10, 10), (40, 64))
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
IMAGE = Host("openai", "gpt-4o-mini", messages=[{"role": "user", "content": [PICTURE]}])
IMAGE_CENTS = cents((437, 0.15), (11, 0.6))
FUNCTION = {"name": "weather", "arguments": "{}"}
PLAIN = cents((37, 0.15), (11, 0.6))
TOOL = Expected(37, 11, text=None, finish="tool_calls", tools=("weather",), cents=PLAIN)

EXCHANGES = [
    MINI.chat("plain", usage(37, 11), Expected(37, 11, cents=PLAIN)),
    MINI.chat(
        "a gateway's header from OpenAI itself, which has none, states no cost",
        usage(37, 11),
        Expected(37, 11, cents=PLAIN),
        headers={"x-litellm-response-cost": "0.0173"},
    ),
    MINI.chat(
        "zero details",
        usage(37, 11, **cached(0, audio_tokens=0), **reasoned(0, audio_tokens=0)),
        Expected(37, 11, cache_read=0, reasoning=0, cents=PLAIN),
    ),
    MINI.chat(
        "cached tokens are a part of the prompt",
        usage(2048, 11, **cached(1920)),
        Expected(2048, 11, cache_read=1920, cents=cents((128, 0.15), (1920, 0.075), (11, 0.6))),
    ),
    GPT5.chat(
        "reasoning is a part of the completion",
        usage(37, 500, **reasoned(448)),
        Expected(37, 500, reasoning=448, cents=cents((37, 1.25), (500, 10))),
    ),
    GPT5.chat(
        "flex tier",
        usage(1000, 100, **cached(600)),
        Expected(1000, 100, cache_read=600, cents=cents((400, 0.625), (600, 0.0625), (100, 5))),
        service_tier="flex",
    ),
    GPT5.chat(
        "priority tier",
        usage(1000, 100),
        Expected(1000, 100, cents=cents((1000, 2.5), (100, 20))),
        service_tier="priority",
    ),
    GPT5.chat(
        "default tier",
        usage(1000, 100),
        Expected(1000, 100, cents=cents((1000, 1.25), (100, 10))),
        service_tier="default",
    ),
    GPT5.chat(
        "scale tier has no price", usage(1000, 100), Expected(1000, 100), service_tier="scale"
    ),
    GPT5.chat(
        "a tier that nobody knows has no price",
        usage(1000, 100),
        Expected(1000, 100),
        service_tier="ultrafast",
    ),
    Host("openai", "gpt-5", service_tier="flex").chat(
        "the tier that served counts, not the one asked for",
        usage(1000, 100),
        Expected(1000, 100, cents=cents((1000, 1.25), (100, 10))),
        service_tier="default",
    ),
    MINI.chat(
        "a tool",
        usage(37, 11),
        TOOL,
        message={"content": None, "tool_calls": tool_calls("weather")},
        finish="tool_calls",
    ),
    MINI.chat(
        "text and two tools",
        usage(37, 11),
        Expected(37, 11, finish="tool_calls", tools=("weather", "time"), cents=PLAIN),
        message={"tool_calls": tool_calls("weather", "time")},
        finish="tool_calls",
    ),
    MINI.chat(
        "legacy function call",
        usage(37, 11),
        TOOL,
        message={"content": None, "function_call": FUNCTION},
        finish="function_call",
    ),
    MINI.chat(
        "length",
        usage(37, 11),
        Expected(37, 11, finish="length", cents=PLAIN),
        finish="length",
    ),
    MINI.chat(
        "content filter",
        usage(37, 0),
        Expected(37, 0, text=None, finish="content_filter", cents=cents((37, 0.15))),
        message={"content": None},
        finish="content_filter",
    ),
    MINI.chat(
        "refusal",
        usage(37, 11),
        Expected(37, 11, text="I cannot", cents=PLAIN),
        message={"content": None, "refusal": "I cannot"},
    ),
    AUDIO.chat(
        "audio tokens have prices of their own",
        SPOKEN_USAGE,
        Expected(100, 50, reasoning=0, text="Spoken", cents=SPOKEN_CENTS),
        message={"content": None, "audio": SPOKEN},
    ),
    OLD_AUDIO.chat(
        "audio tokens without a listed price are not charged as text",
        SPOKEN_USAGE,
        Expected(100, 50, reasoning=0, text="Spoken"),
        message={"content": None, "audio": SPOKEN},
    ),
    AUDIO.stream(
        "stream of audio",
        [
            delta({"role": "assistant", "audio": {"id": "a", "transcript": "Spo"}}),
            delta({"audio": {"data": "UklGRg=="}}),
            delta({"audio": {"transcript": "ken"}}),
            ends(),
            bills(SPOKEN_USAGE),
        ],
        Expected(100, 50, reasoning=0, text="Spoken", cents=SPOKEN_CENTS),
    ),
    IMAGE.chat("an image in the question", usage(437, 11), Expected(437, 11, cents=IMAGE_CENTS)),
    IMAGE.chat(
        "image tokens are priced as text where they have no price",
        usage(437, 11, prompt_tokens_details={"image_tokens": 400}),
        Expected(437, 11, cents=IMAGE_CENTS),
    ),
    Host("openai", "gpt-4o-mini-search-preview").chat(
        "a search model has a fee that is not listed", usage(37, 11), Expected(37, 11)
    ),
    Host("openai", "ft:gpt-4o-mini-2024-07-18:me::1").chat(
        "a fine-tuned model has its own price",
        usage(1000, 100),
        Expected(1000, 100, cents=cents((1000, 0.3), (100, 1.2))),
    ),
    Host("openai", "ft:gpt-4.1-mini:me::1").chat(
        "a fine-tuned model without a listed price", usage(1000, 100), Expected(1000, 100)
    ),
    MINI.stream("stream without usage", [says(), ends()], Expected()),
    USED.stream(
        "stream with usage",
        [says("Hel"), delta({"content": "lo"}), ends(), bills(usage(37, 11, **cached(0)))],
        Expected(37, 11, cache_read=0, cents=PLAIN),
    ),
    USED.stream(
        "stream with null usages before the last",
        [says(usage=None), ends(usage=None), bills(usage(37, 11))],
        Expected(37, 11, cents=PLAIN),
    ),
    Host("openai", "gpt-5").stream(
        "stream with a tier",
        [says(service_tier="flex"), ends(), bills(usage(1000, 100), service_tier="flex")],
        Expected(1000, 100, cents=cents((1000, 0.625), (100, 5))),
    ),
    USED.stream(
        "stream of a tool in pieces",
        [
            delta({"role": "assistant", "content": None, "tool_calls": tool_calls("weather")}),
            delta({"tool_calls": [{"index": 0, "function": {"arguments": " "}}]}),
            ends("tool_calls"),
            bills(usage(37, 11)),
        ],
        TOOL,
    ),
    USED.stream(
        "stream of a legacy function call",
        [
            delta({"role": "assistant", "content": None, "function_call": FUNCTION}),
            ends("function_call"),
            bills(usage(37, 11)),
        ],
        TOOL,
    ),
    USED.stream(
        "stream of a refusal",
        [delta({"role": "assistant", "refusal": "I cannot"}), ends(), bills(usage(37, 11))],
        Expected(37, 11, text="I cannot", cents=PLAIN),
    ),
    USED.stream(
        "stream cut by length",
        [says(), ends("length"), bills(usage(37, 11))],
        Expected(37, 11, finish="length", cents=PLAIN),
    ),
]
