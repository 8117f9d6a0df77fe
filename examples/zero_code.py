"""Record a program without changing it. This one knows nothing of Pulse:

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
OTEL_TRACES_EXPORTER=pulse opentelemetry-instrument python examples/zero_code.py

`opentelemetry-instrument` comes with pulse-otel; OTEL_SERVICE_NAME says what the program is
called, PULSE_CAPTURE_CONTENT=false leaves prompts and answers out.
"""

from openai import OpenAI

response = OpenAI().chat.completions.create(
    model="gpt-4o-mini",
    messages=[{"role": "user", "content": "Name one thing that needs no code."}],
)
print(response.choices[0].message.content)
