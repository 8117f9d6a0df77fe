"""The development service: the wire contract of Pulse's current generation over HTTP."""
