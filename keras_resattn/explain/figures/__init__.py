"""Figures of attention (extra `vis`): matplotlib figures, returned, never shown."""
