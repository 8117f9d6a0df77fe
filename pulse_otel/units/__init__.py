"""Record units of work that the program names itself: `trace`, `tool`."""
