"""The worker: takes spans from its queue, makes batches, sends them, backs off, stops in time."""
