"""The development trace service, the scripted provider and the demo (extra ``local``).

For development and tests only: all servers here listen on loopback.
"""
