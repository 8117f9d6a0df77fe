"""One HTTP attempt under one deadline, and what it came to: an Outcome."""
