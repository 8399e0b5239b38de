"""How a network is built: stem, stages, head, and networks by name."""
