"""Record Instructor: an answer in the form of a model, whole and as it arrives.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/frameworks/instructor_models.py
"""

from typing import Any

import instructor
from anthropic import Anthropic
from openai import OpenAI
from pydantic import BaseModel

import pulse_otel

# Pulse: every client of both SDKs, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()
pulse_otel.AnthropicInstrumentor().instrument()

ASKED: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]


class Weather(BaseModel):
    city: str
    degrees: int


openai_client = instructor.from_openai(OpenAI())
anthropic_client = instructor.from_anthropic(Anthropic())

with pulse_otel.session("call", user_id="ada"):
    print(openai_client.create(model="gpt-4o-mini", response_model=Weather, messages=ASKED))

with pulse_otel.session("claude", user_id="ada"):
    made = anthropic_client.create(
        model="claude-haiku-4-5", max_tokens=100, response_model=Weather, messages=ASKED
    )
    print(made)

with pulse_otel.session("stream", user_id="ada"):
    for partial in openai_client.create_partial(
        model="gpt-4o-mini", response_model=Weather, messages=ASKED
    ):
        print(partial)
