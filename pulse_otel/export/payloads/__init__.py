"""Record -> wire, one file per form that a Pulse service speaks."""
