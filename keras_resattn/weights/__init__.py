"""Weights files: find them by name, address or path, check and load them."""

from keras_resattn.weights.files import check_weights
from keras_resattn.weights.files import load_weights
from keras_resattn.weights.packed import save_packed
from keras_resattn.weights.table import WeightsInfo
from keras_resattn.weights.table import find_weights
from keras_resattn.weights.table import list_weights
from keras_resattn.weights.table import weights_info

__all__ = [
    "WeightsInfo",
    "check_weights",
    "find_weights",
    "list_weights",
    "load_weights",
    "save_packed",
    "weights_info",
]
