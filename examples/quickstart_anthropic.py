"""Record one Anthropic call.

export ANTHROPIC_API_KEY=sk-ant-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/quickstart_anthropic.py
"""

from anthropic import Anthropic

from pulse_otel import Provider, init_pulse, observe

init_pulse()  # reads PULSE_API_KEY and PULSE_API_URL; or pass {"api_key": ..., "api_url": ...}
client = observe(Anthropic(), Provider.ANTHROPIC)  # the same client, now recorded

message = client.messages.create(
    model="claude-haiku-4-5",
    max_tokens=100,
    messages=[{"role": "user", "content": "Say hello to Pulse in one short sentence."}],
    pulse_session_id="quickstart",  # optional: calls of one conversation
    pulse_metadata={"feature": "greeting"},  # optional: anything you want to find it by
)
print(message.content[0].text)

# The trace is sent in the background, at the latest when the program ends: no flush is needed.
