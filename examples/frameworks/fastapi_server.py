"""Record a FastAPI server: an answer, a stream, and a stream whose client leaves.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/frameworks/fastapi_server.py
"""

import socket
import threading
from collections.abc import AsyncIterator

import fastapi
import httpx
import uvicorn
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI

import pulse_otel

# Pulse: every client of the SDK, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()

app = fastapi.FastAPI()
client = AsyncOpenAI()


@app.get("/answer")
async def answer(run: str, question: str) -> str:
    with pulse_otel.session(run, user_id="ada"):
        asked = [{"role": "user", "content": question}]
        made = await client.chat.completions.create(model="gpt-4o-mini", messages=asked)
        return made.choices[0].message.content or ""


@app.get("/stream")
async def stream(run: str, question: str) -> StreamingResponse:
    async def pieces() -> AsyncIterator[str]:
        with pulse_otel.session(run, user_id="ada"):  # where the call is made and read
            asked = [{"role": "user", "content": question}]
            async for chunk in await client.chat.completions.create(
                model="gpt-4o-mini", messages=asked, stream=True
            ):
                yield (chunk.choices[0].delta.content or "") if chunk.choices else ""

    return StreamingResponse(pieces())


listener = socket.create_server(("127.0.0.1", 0))
server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
thread = threading.Thread(target=server.run, args=([listener],))
thread.start()

url = f"http://127.0.0.1:{listener.getsockname()[1]}"
print(httpx.get(f"{url}/answer?run=call&question=weather").text)
print(httpx.get(f"{url}/stream?run=stream&question=weather").text)
with httpx.stream("GET", f"{url}/stream?run=left&question=weather") as response:
    print(next(response.iter_text()))
server.should_exit = True
thread.join()
