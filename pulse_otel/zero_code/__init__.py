"""What `opentelemetry-instrument` loads of this package, beside exporter and instrumentors."""
