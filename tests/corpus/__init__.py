"""Exchanges in the public formats of many hosts, each with the record that is expected of it."""
