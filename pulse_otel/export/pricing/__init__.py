"""What a call cost, in cents, by a table of public prices."""
