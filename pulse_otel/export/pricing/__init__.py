"""The cost of a call in cents, by a table of public prices."""
