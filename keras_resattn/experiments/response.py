"""Measure the strength of the signal by depth: the mean absolute response."""

import re
from collections.abc import Iterable

import keras
import numpy as np
from keras import ops

from keras_resattn.explain.inputs import as_inputs
from keras_resattn.typing import Array
from keras_resattn.views.flat import flattened
from keras_resattn.views.graph import node_in
from keras_resattn.views.modules import attention_modules

# The blocks of a stage or of a module, without those of the mask branch.
BLOCK = r"{}_(unit|pre|trunk|residual|naive|post)\d*"


def response_model(model: keras.Model) -> keras.Model:
    """Return a model that maps images to their mean absolute responses.

    It shares the weights of `model`.

    Args:
        model: A functional `keras.Model` with attention modules.

    Returns:
        A `keras.Model`: a batch of images -> a dictionary from the names of
        blocks, as in `mean_response`, to float32 `(N,)`.

    Raises:
        ValueError: If `model` has no attention module.
    """
    starts = [r"stage\d+", *map(re.escape, attention_modules(model))]
    pattern = re.compile(BLOCK.format(f"({'|'.join(starts)})"))
    flat = flattened(model)
    outputs = {
        layer.name: _mean_absolute(node_in(flat, layer).outputs[0])
        for layer in flat.layers
        if pattern.fullmatch(layer.name)
    }
    return keras.Model(flat.input, outputs, name=f"{model.name}_response")


def _mean_absolute(tensor):
    return ops.mean(ops.abs(ops.cast(tensor, "float32")), axis=(1, 2, 3))


def mean_response(
    model: keras.Model,
    inputs: Array | Iterable[Array],
    batch_size: int = 32,
    training: bool = False,
) -> dict[str, Array]:
    """Compute the mean absolute response of the output of every block.

    The paper uses it to show why naive attention degrades: naive masks, 0 to 1, weaken
    the signal from module to module. With attention residual learning they do not.

    Example:

    >>> model = keras_resattn.cifar.Attention56(weights="cifar10")
    >>> responses = mean_response(model, images)
    >>> [name for name in responses if "attention1" in name][:4]
    ['stage1_attention1_pre1', 'stage1_attention1_trunk',
     'stage1_attention1_residual', 'stage1_attention1_post1']

    Args:
        model: A functional `keras.Model` with attention modules.
        inputs: A float32 array `(N, H, W, C)`, standardized as for `model`, or an
            iterable of such arrays. One batch is in memory at a time.
        batch_size: Integer, images per batch. Ignored for an iterable.
        training: Boolean, whether to normalize by the statistics of each batch and
            apply dropout, as in a training step. Use it for untrained networks, whose
            moving statistics have no meaning yet. The model does not change.

    Returns:
        A dictionary from the names of blocks, in the order of the network, to
        float32 arrays `(N,)`: for each image, the mean over positions and channels
        of the absolute values of the output of the block. The blocks of a module are
        `<module>_pre<i>`, `<module>_trunk`, `<module>_residual` (or `_naive`)
        and `<module>_post<i>`. The last block of a module is its output. The other
        units of a stage are `stage<i>_unit<j>`.

    Raises:
        ValueError: If `model` has no attention module, or there are no images, or they
            have another size or are not standardized.

    Reference: Wang et al., Residual Attention Network, 2017, section 4.1.
    """
    measure = response_model(model)
    state = [variable.value for variable in measure.non_trainable_variables]
    weights = [variable.value for variable in measure.trainable_variables]

    def compute(batch: Array) -> dict[str, Array]:
        if not training:
            return measure.predict_on_batch(batch)
        batch = ops.convert_to_tensor(batch, "float32")
        responses, _ = measure.stateless_call(weights, state, batch, training=True)
        return {name: ops.convert_to_numpy(r) for name, r in responses.items()}

    batches = _batches(inputs, batch_size)
    parts = [compute(as_inputs(batch, model)) for batch in batches]
    if not parts:
        raise ValueError("Pass at least one image. Received: no images")
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def _batches(inputs, batch_size):
    if not hasattr(inputs, "shape"):
        return inputs
    starts = range(0, len(inputs), batch_size)
    return (inputs[start : start + batch_size] for start in starts)


def module_outputs(blocks: Iterable[str]) -> dict[str, str]:
    """Return the name of the last block of each module, by module.

    Args:
        blocks: The names of blocks in the order of the network, such as the result of
            `mean_response`.
    """
    found = [re.fullmatch(r"(.*)_(?:residual|naive|post\d+)", name) for name in blocks]
    # A later block of the same module replaces the one before it.
    return {match[1]: match[0] for match in found if match}
