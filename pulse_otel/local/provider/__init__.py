"""Answer like the OpenAI and the Anthropic API, on loopback, from a script or by default."""
