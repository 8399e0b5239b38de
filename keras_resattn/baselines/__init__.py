"""The networks that the paper compares with: the other rows of its tables.

They take the arguments of `keras.applications` and have no attention modules.
"""

from keras_resattn.baselines.applications import InceptionResNetV2
from keras_resattn.baselines.applications import ResNet152
from keras_resattn.baselines.inception_resnet_v1 import InceptionResNetV1
from keras_resattn.baselines.residual import ResNet164
from keras_resattn.baselines.residual import ResNet200
from keras_resattn.baselines.residual import ResNeXt101

__all__ = [
    "InceptionResNetV1",
    "InceptionResNetV2",
    "ResNeXt101",
    "ResNet152",
    "ResNet164",
    "ResNet200",
]
