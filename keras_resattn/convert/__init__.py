"""Weights from other frameworks, converted to Keras models."""
