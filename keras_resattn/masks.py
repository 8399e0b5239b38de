"""The attention masks of a network, as a model."""

import keras

from keras_resattn.layers import SoftMaskBranch


def attention_masks(model):
    """Returns a model that maps images to the attention masks of `model`.

    It shares the weights of `model`.

    Example:

    >>> model = keras_resattn.Attention56()
    >>> masks = keras_resattn.attention_masks(model)
    >>> images = np.random.rand(2, 224, 224, 3)
    >>> {name: mask.shape for name, mask in masks.predict(images).items()}
    {'stage1_attention1': (2, 56, 56, 256),
     'stage2_attention1': (2, 28, 28, 512),
     'stage3_attention1': (2, 14, 14, 1024)}

    Args:
        model: A functional `keras.Model` with `SoftMaskBranch` layers.

    Returns:
        A `keras.Model`: a batch of images -> a dictionary from the name of
        each attention module to its mask, in the order of the network. A mask
        is `(N, h, w, C)` with values in 0 to 1.

    Raises:
        ValueError: If `model` has no soft mask branch.
    """
    layers = getattr(model, "layers", [])
    branches = [layer for layer in layers if isinstance(layer, SoftMaskBranch)]
    if not branches:
        raise ValueError(
            "Attention masks are the outputs of SoftMaskBranch layers, and this "
            "model has none. Pass a model made by keras_resattn. "
            f"Received: model={model!r}"
        )
    outputs = {layer.name.removesuffix("_mask"): layer.output for layer in branches}
    return keras.Model(model.inputs, outputs, name=f"{model.name}_masks")
