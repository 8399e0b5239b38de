"""Models of other programs, converted to Keras."""

from keras_resattn.convert.caffe import convert_caffe

__all__ = ["convert_caffe"]
