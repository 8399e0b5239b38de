"""Basic units by name, and sequences of them."""

from typing import Any
from typing import TypeAlias

import keras

from keras_resattn.layers.arguments import positive_integer
from keras_resattn.layers.arguments import rate
from keras_resattn.layers.geometry import standardize_data_format
from keras_resattn.layers.geometry import strided_shape
from keras_resattn.layers.inception import InceptionUnit
from keras_resattn.layers.pre_activation import PreActivationUnit
from keras_resattn.layers.resnext import ResNeXtUnit
from keras_resattn.typing import Shape
from keras_resattn.typing import Tensor

# A basic unit's name in `UNITS` or that of a registered layer class, or the class.
Unit: TypeAlias = str | type[keras.layers.Layer]

UNITS: dict[str, type[keras.layers.Layer]] = {
    "pre_activation": PreActivationUnit,
    "resnext": ResNeXtUnit,
    "inception": InceptionUnit,
}


def get_unit(unit: Unit) -> type[keras.layers.Layer]:
    """Return the layer class of a basic unit.

    Args:
        unit: A name in `UNITS`, the name under which a layer class was
            registered with Keras (`"package>ClassName"`), or a layer class
            `Unit(filters, strides=1, **kwargs)`.

    Returns:
        The layer class.

    Raises:
        ValueError: If `unit` is neither.
    """
    found: Any = unit
    if isinstance(unit, str):
        found = UNITS.get(unit) or keras.saving.get_registered_object(unit)
    if isinstance(found, type) and issubclass(found, keras.layers.Layer):
        return found
    raise ValueError(
        f"`unit` must be one of {', '.join(map(repr, sorted(UNITS)))}, the name of a "
        f"registered Keras layer class, or a Keras layer class. Received: unit={unit!r}"
    )


def unit_name(unit: type[keras.layers.Layer]) -> str:
    """Return the name with which `get_unit` finds the layer class `unit`."""
    for name, known in UNITS.items():
        if known is unit:
            return name
    return str(keras.saving.get_registered_name(unit))


def keep_frozen(layer: keras.layers.Layer) -> None:
    """Freeze the layers inside a frozen layer, as they were before it was saved.

    Call this at the end of `build`. A layer that Keras makes again, from a file or for
    a copy, is frozen before the layers inside it exist.

    Args:
        layer: A layer that made layers in its `build`.
    """
    if not layer.trainable:
        # On TensorFlow, only a change reaches the layers inside.
        layer.trainable = True
        layer.trainable = False


@keras.saving.register_keras_serializable(package="keras_resattn")
class UnitChain(keras.layers.Layer):
    """A sequence of basic units.

    Example:

    >>> x = np.random.rand(2, 14, 14, 64)
    >>> keras_resattn.layers.UnitChain(64, count=3)(x).shape
    (2, 14, 14, 64)

    Args:
        filters: Integer, the number of channels of each unit.
        count: Integer, the number of units.
        unit: A basic unit's name or layer class, see `PreActivationUnit`.
        drop_rate: Float, the probability with which a sample skips a unit's
            branch in training (stochastic depth). If it is not 0, the units must
            accept `drop_rate`.
        data_format: `"channels_last"`, `"channels_first"` or `None`, Keras'
            configured format.
        remat: Boolean, whether the units compute their intermediate maps again
            for the gradients, which saves memory. If it is `True`, the units
            must accept `remat`.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`, `dtype`.
    """

    def __init__(
        self,
        filters: int,
        count: int = 1,
        unit: Unit = "pre_activation",
        drop_rate: float = 0.0,
        data_format: str | None = None,
        remat: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = positive_integer("filters", filters)
        self.count = positive_integer("count", count)
        self.unit = get_unit(unit)
        self.drop_rate = rate("drop_rate", drop_rate)
        self.data_format = standardize_data_format(data_format)
        self.remat = bool(remat)

    def build(self, input_shape: Shape) -> None:
        common: dict[str, Any] = {
            "data_format": self.data_format,
            "dtype": self.dtype_policy,
        }
        if self.drop_rate:
            common["drop_rate"] = self.drop_rate
        if self.remat:
            common["remat"] = True
        self.units = [self.unit(self.filters, **common) for _ in range(self.count)]
        shape = input_shape
        for unit in self.units:
            unit.build(shape)
            shape = self.compute_output_shape(shape)
        keep_frozen(self)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        x = inputs
        for unit in self.units:
            x = unit(x, training=training)
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return strided_shape(input_shape, self.filters, 1, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "count": self.count,
            "unit": unit_name(self.unit),
            "drop_rate": self.drop_rate,
            "data_format": self.data_format,
            "remat": self.remat,
        }
