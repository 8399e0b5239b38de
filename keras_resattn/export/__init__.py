"""Models for deployment (TensorFlow)."""

from keras_resattn.export import contract
from keras_resattn.export.saved_model import export

__all__ = ["contract", "export"]
