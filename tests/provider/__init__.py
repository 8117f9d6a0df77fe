"""Scripted replies of the endpoints that only the tests call."""
