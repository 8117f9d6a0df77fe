"""Record streamed answers of an async client: two questions at once, one session.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/async_streaming.py
"""

import asyncio

from openai import AsyncOpenAI

from pulse_otel import Provider, init_pulse, observe


async def ask(client: AsyncOpenAI, question: str) -> str:
    """The answer, put together as it arrives; its span ends with the stream."""
    stream = await client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": question}],
        stream=True,
        stream_options={"include_usage": True},  # without it, a stream may not count its tokens
    )
    answer = ""
    async for chunk in stream:
        if chunk.choices:  # the last chunk has the usage and no choices
            answer += chunk.choices[0].delta.content or ""
    return answer


async def main() -> None:
    init_pulse()
    async with AsyncOpenAI() as client:
        observe(client, Provider.OPENAI, {"session_id": "two-questions"})
        questions = ("What is a trace?", "What is a span?")
        for answer in await asyncio.gather(*(ask(client, question) for question in questions)):
            print(answer)


asyncio.run(main())
