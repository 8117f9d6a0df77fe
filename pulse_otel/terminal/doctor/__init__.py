"""`pulse-otel doctor`: checks of the settings, the service and the environment."""
