"""The scripted provider: answers like the OpenAI and the Anthropic API, on loopback."""
