"""The arguments of the named networks, for type checkers and editors.

No function here is called. `named` gives a network the signature of one of them,
with defaults of its own where the default is `...`.
"""

from collections.abc import Sequence

import keras

from keras_resattn.builder.stages import Stage
from keras_resattn.layers.units import Unit
from keras_resattn.typing import Activation
from keras_resattn.typing import StrPath
from keras_resattn.typing import Tensor


def network(
    include_top: bool = True,
    weights: StrPath | None = None,
    input_tensor: Tensor | None = None,
    input_shape: Sequence[int | None] | None = None,
    pooling: str | None = None,
    classes: int = ...,
    classifier_activation: Activation = "softmax",
    name: str = ...,
) -> keras.Model:
    """Take the arguments of `keras.applications`."""
    ...


def residual_network(
    include_top: bool = True,
    weights: StrPath | None = None,
    input_tensor: Tensor | None = None,
    input_shape: Sequence[int | None] | None = None,
    pooling: str | None = None,
    classes: int = ...,
    classifier_activation: Activation = "softmax",
    name: str = ...,
    remat: bool = False,
    unit: Unit = ...,
    width_multiplier: float = 1.0,
    stochastic_depth: float = 0.0,
    dropout: float = 0.0,
    stages: Sequence[Stage] = ...,
    stem: str = ...,
) -> keras.Model:
    """Take the arguments of `network` and those of the stages."""
    ...


def attention_network(
    include_top: bool = True,
    weights: StrPath | None = None,
    input_tensor: Tensor | None = None,
    input_shape: Sequence[int | None] | None = None,
    pooling: str | None = None,
    classes: int = ...,
    classifier_activation: Activation = "softmax",
    name: str = ...,
    attention: str = "residual",
    mask_activation: str = "mixed",
    mask_structure: str = "encoder_decoder",
    remat: bool = False,
    p: int = ...,
    t: int = ...,
    r: int = ...,
    unit: Unit = ...,
    width_multiplier: float = 1.0,
    stochastic_depth: float = 0.0,
    dropout: float = 0.0,
    stages: Sequence[Stage] = ...,
    stem: str = ...,
) -> keras.Model:
    """Take the arguments of `residual_network` and those of attention modules."""
    ...
