"""A balanced sample of Fashion-MNIST in the package: nothing is downloaded."""

from keras_resattn.data.fashion_mnist_sample.builder import FashionMnistSample

__all__ = ["FashionMnistSample"]
