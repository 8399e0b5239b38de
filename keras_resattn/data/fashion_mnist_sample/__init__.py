"""A balanced sample of Fashion-MNIST, bundled: images without a network."""

from keras_resattn.data.fashion_mnist_sample.builder import FashionMnistSample

__all__ = ["FashionMnistSample"]
