"""Convert weights from other frameworks to Keras models."""

from keras_resattn.convert.caffe import convert_caffe
from keras_resattn.convert.folder import write_model_folder
from keras_resattn.convert.folder import write_sidecar
from keras_resattn.convert.pytorchcv import convert_pytorchcv

__all__ = [
    "convert_caffe",
    "convert_pytorchcv",
    "write_model_folder",
    "write_sidecar",
]
