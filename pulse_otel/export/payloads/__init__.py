"""Record -> payload: one file for each wire form that a Pulse service speaks."""
