"""The models in memory: one loaded version, and the registry of all of them."""
