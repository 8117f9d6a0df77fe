"""The commands that need no extra: `doctor`, `tail` and `traces`."""
