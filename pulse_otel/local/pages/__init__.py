"""Render the pages of the development service."""
