"""Record calls in a function that is frozen between its invocations (AWS Lambda and the like).

Set OPENAI_API_KEY, PULSE_API_KEY and PULSE_API_URL in the function's environment, and
`lambda_handler.handler` as its handler. To try it here:

python examples/lambda_handler.py
"""

from typing import Any

from openai import OpenAI

from pulse_otel import Provider, flush_buffer, init_pulse, observe

# Once for each instance of the function, not for each invocation.
init_pulse()
client = observe(OpenAI(), Provider.OPENAI)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer `event["question"]`."""
    try:
        response = client.chat.completions.create(
            model="gpt-4o-mini",
            messages=[{"role": "user", "content": event["question"]}],
            pulse_session_id=event.get("session"),
        )
        return {"answer": response.choices[0].message.content}
    finally:
        # Nothing runs in the background once the handler has returned: send the trace now,
        # and wait 2 s at most. What did not go out by then goes with the next invocation.
        flush_buffer(timeout_s=2)


if __name__ == "__main__":
    print(handler({"question": "What is a cold start?", "session": "s-1"}, None))
