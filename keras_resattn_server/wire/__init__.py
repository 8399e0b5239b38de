"""The wire formats: JSON bodies, tensor messages, configuration files, statuses."""
