"""One HTTP attempt under one deadline, and its Outcome."""
