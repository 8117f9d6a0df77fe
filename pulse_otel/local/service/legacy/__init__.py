"""Serve the legacy generation of the contract: arrays of traces (contract §2)."""
