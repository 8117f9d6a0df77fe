"""Records: one for each call, redacted and bounded."""
