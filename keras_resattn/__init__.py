"""The Residual Attention Network (Wang et al., CVPR 2017) for Keras 3."""

from typing import TYPE_CHECKING
from typing import Any

from keras_resattn import baselines
from keras_resattn import cifar
from keras_resattn import compatibility
from keras_resattn import layers
from keras_resattn.builder.network import ResidualAttentionNetwork
from keras_resattn.builder.stages import Stage
from keras_resattn.models import Attention56
from keras_resattn.models import Attention92
from keras_resattn.models import AttentionInception56
from keras_resattn.models import AttentionNeXt56
from keras_resattn.models import AttentionNeXt92
from keras_resattn.version import __version__
from keras_resattn.views.batch_norm_folding import fold_batch_norm
from keras_resattn.views.complexity import complexity
from keras_resattn.views.features import feature_maps
from keras_resattn.views.features import pyramid_outputs
from keras_resattn.views.mask_replacement import with_masks
from keras_resattn.views.masks import attention_masks
from keras_resattn.zoo import create_model
from keras_resattn.zoo import list_models
from keras_resattn.zoo import model_info

if TYPE_CHECKING:
    from keras_resattn.model_source import load_model

__all__ = [
    "Attention56",
    "Attention92",
    "AttentionInception56",
    "AttentionNeXt56",
    "AttentionNeXt92",
    "ResidualAttentionNetwork",
    "Stage",
    "__version__",
    "attention_masks",
    "baselines",
    "cifar",
    "complexity",
    "compatibility",
    "create_model",
    "feature_maps",
    "fold_batch_norm",
    "layers",
    "list_models",
    "load_model",
    "model_info",
    "pyramid_outputs",
    "with_masks",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    # Networks are pure Keras. What reads images imports TensorFlow, so it is imported
    # when it is first used.
    if name == "load_model":
        from keras_resattn.model_source import load_model

        return load_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
