"""The Residual Attention Network (Wang et al., CVPR 2017) for Keras 3."""

from keras_resattn import cifar
from keras_resattn import compatibility
from keras_resattn import layers
from keras_resattn.masks import attention_masks
from keras_resattn.models import Attention56
from keras_resattn.models import Attention92
from keras_resattn.models import AttentionNeXt56
from keras_resattn.models import AttentionNeXt92
from keras_resattn.network import ResidualAttentionNetwork
from keras_resattn.network import Stage
from keras_resattn.version import __version__
from keras_resattn.zoo import create_model
from keras_resattn.zoo import list_models

__all__ = [
    "Attention56",
    "Attention92",
    "AttentionNeXt56",
    "AttentionNeXt92",
    "ResidualAttentionNetwork",
    "Stage",
    "__version__",
    "attention_masks",
    "cifar",
    "compatibility",
    "create_model",
    "layers",
    "list_models",
]
