"""Models for deployment (TensorFlow)."""

from keras_resattn.export import contract
from keras_resattn.export.formats import FORMATS
from keras_resattn.export.formats import export_format
from keras_resattn.export.saved_model import export

__all__ = ["FORMATS", "contract", "export", "export_format"]
