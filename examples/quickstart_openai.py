"""Record one OpenAI call.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/quickstart_openai.py
"""

from openai import OpenAI

from pulse_otel import Provider, init_pulse, observe

init_pulse()  # reads PULSE_API_KEY and PULSE_API_URL; or pass {"api_key": ..., "api_url": ...}
client = observe(OpenAI(), Provider.OPENAI)  # the same client, now recorded

response = client.chat.completions.create(
    model="gpt-4o-mini",
    messages=[{"role": "user", "content": "Say hello to Pulse in one short sentence."}],
    pulse_session_id="quickstart",  # optional: calls of one conversation
    pulse_metadata={"feature": "greeting"},  # optional: anything you want to find it by
)
print(response.choices[0].message.content)

# The trace is sent in the background, at the latest when the program ends: no flush is needed.
