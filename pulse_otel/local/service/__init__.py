"""Serve the wire contract of the Pulse trace service over HTTP, for development."""
