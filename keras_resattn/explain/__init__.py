"""Explain images: masks, class evidence, metrics, and figures (extra `vis`)."""

import lazy_loader

# The names are in __init__.pyi. Each is imported at its first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
