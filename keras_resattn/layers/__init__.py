"""The layers of the Residual Attention Network, for networks of your own."""

from keras_resattn.layers.attention import AttentionResidualLearning
from keras_resattn.layers.attention import NaiveAttentionLearning
from keras_resattn.layers.attention import TrunkBranch
from keras_resattn.layers.attention import attention_module
from keras_resattn.layers.inception import InceptionUnit
from keras_resattn.layers.local_mask import LocalMaskBranch
from keras_resattn.layers.mask import SoftMaskBranch
from keras_resattn.layers.pooling import CeilMaxPooling2D
from keras_resattn.layers.pre_activation import PreActivationUnit
from keras_resattn.layers.resize import AlignedResize
from keras_resattn.layers.resnext import ResNeXtUnit
from keras_resattn.layers.units import UnitChain

__all__ = [
    "AlignedResize",
    "AttentionResidualLearning",
    "CeilMaxPooling2D",
    "InceptionUnit",
    "LocalMaskBranch",
    "NaiveAttentionLearning",
    "PreActivationUnit",
    "ResNeXtUnit",
    "SoftMaskBranch",
    "TrunkBranch",
    "UnitChain",
    "attention_module",
]
