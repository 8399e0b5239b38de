"""The data format of a model's layers, and of Keras."""

import keras

from keras_resattn.views.graph import flatten_layers


def check_data_format(model: keras.Model) -> None:
    """Raise a `ValueError` if convolutions have another format than Keras is set to.

    Args:
        model: A `keras.Model`.
    """
    configured = keras.config.image_data_format()
    for layer in flatten_layers(model):
        own = getattr(layer, "data_format", configured)
        if isinstance(layer, keras.layers.Conv2D) and own != configured:
            raise ValueError(
                f"The layers of this model are {own}, and Keras is set to "
                f"{configured}. Set it: keras.config.set_image_data_format({own!r}). "
                f"Received: the layer {layer.name!r} with data_format={own!r}"
            )


def check_channels_last(what: str) -> None:
    """Raise a `ValueError` if Keras is not set to `channels_last`.

    Args:
        what: What is computed, the beginning of a sentence.
    """
    configured = keras.config.image_data_format()
    if configured != "channels_last":
        raise ValueError(
            f"{what} only with channels_last. Set it, and build the model in it: "
            "keras.config.set_image_data_format('channels_last'). "
            f"Received: image_data_format={configured!r}"
        )
