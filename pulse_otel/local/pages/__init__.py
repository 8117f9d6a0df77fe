"""The pages of the development service, rendered on the server."""
