"""The legacy form of the development service: arrays of traces."""
