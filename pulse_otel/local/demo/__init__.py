"""The demo: real calls to the scripted provider, read back from the development service."""
