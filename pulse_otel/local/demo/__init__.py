"""Make real SDK calls and read their traces back from a trace service."""
