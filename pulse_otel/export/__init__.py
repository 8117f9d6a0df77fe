"""The shipping half: finished spans become records, payloads, and requests to a Pulse service."""
