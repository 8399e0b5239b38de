"""The attention masks of a network, as a model."""

import keras

from keras_resattn.layers import AlignedResize
from keras_resattn.views.flat import flattened
from keras_resattn.views.modules import attention_modules


def attention_masks(model: keras.Model, upsample: bool = False) -> keras.Model:
    """Return a model that maps images to the attention masks of `model`.

    It shares the weights of `model`.

    Example:

    >>> model = keras_resattn.Attention56()
    >>> masks = keras_resattn.attention_masks(model)
    >>> images = np.random.rand(2, 224, 224, 3)
    >>> {name: mask.shape for name, mask in masks.predict(images).items()}
    {'stage1_attention1': (2, 56, 56, 256),
     'stage2_attention1': (2, 28, 28, 512),
     'stage3_attention1': (2, 14, 14, 1024)}

    A network that `model` calls as a layer has the same names, unless two networks
    in `model` have modules of the same name:

    >>> images = keras.Input((32, 32, 3))
    >>> left = keras_resattn.cifar.Attention56(name="left")
    >>> right = keras_resattn.cifar.Attention56(name="right")
    >>> both = keras.Model(images, left(images) + right(images))
    >>> list(keras_resattn.attention_masks(both).output)[:2]
    ['left_stage1_attention1', 'right_stage1_attention1']

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential` with attention
            modules, its own or those of networks that it calls as layers.
        upsample: Boolean, whether to resize each mask to the size of the
            images, `(N, H, W, C)`, bilinear with aligned corners, as the soft
            mask branch resizes. This needs memory: a mask of 224 x 224 with 256
            channels has 51 MB per image.

    Returns:
        A `keras.Model`: a batch of images -> a dictionary from the name of
        each attention module to its mask, in the order of the network. A mask
        is `(N, h, w, C)` with values from 0 to 1 (-1 to 1 if the mask's
        activation is `"channel"`).

    Raises:
        ValueError: If `model` has no attention module, or only inside a layer such as
            `keras.layers.TimeDistributed`; with `upsample`, if it has no input of
            images, or several of different sizes.
    """
    outputs = {name: part.mask for name, part in attention_modules(model).items()}
    flat = flattened(model)
    if upsample:
        images = _images_of(flat)
        outputs = {
            name: AlignedResize(name=f"{name}_mask_upsampled")([mask, images])
            for name, mask in outputs.items()
        }
    return keras.Model(flat.input, outputs, name=f"{model.name}_masks")


def _images_of(flat: keras.Model) -> keras.KerasTensor:
    """Return an input of a model that is a batch of images, all of one size."""
    images = [tensor for tensor in flat.inputs if len(tensor.shape) == 4]
    if len({tuple(tensor.shape[1:]) for tensor in images}) != 1:
        shapes = [tuple(tensor.shape) for tensor in flat.inputs]
        raise ValueError(
            "Masks can only be resized to the images of a model whose inputs of images "
            "have one size. Leave out `upsample`, and resize them with "
            f"keras_resattn.layers.AlignedResize. Received: the inputs {shapes}"
        )
    return images[0]
