"""Models for deployment (TensorFlow)."""

from keras_resattn.export import contract
from keras_resattn.export.calibration import Calibration
from keras_resattn.export.calibration import calibration_images
from keras_resattn.export.formats import FORMATS
from keras_resattn.export.formats import export_format
from keras_resattn.export.saved_model import export

__all__ = [
    "FORMATS",
    "Calibration",
    "calibration_images",
    "contract",
    "export",
    "export_format",
]
