"""Span -> Record, one file per vocabulary of span attributes."""
