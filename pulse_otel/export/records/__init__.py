"""A finished span becomes a Record: one per call, redacted, bounded."""
