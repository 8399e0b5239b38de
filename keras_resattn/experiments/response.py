"""How strong is the signal? The mean absolute response, by depth."""

import re

import keras
import numpy as np
from keras import ops

from keras_resattn.views.flat import flattened
from keras_resattn.views.graph import node_in
from keras_resattn.views.modules import attention_modules

# A block of the trunk, of a stage or of a module. The branch of the masks is none.
BLOCK = r"{}_(unit|pre|trunk|residual|naive|post)\d*"


def response_model(model):
    """Returns a model that maps images to their mean absolute responses.

    It shares the weights of `model`.

    Args:
        model: A functional `keras.Model` with attention modules.

    Returns:
        A `keras.Model`: a batch of images -> a dictionary from the names of
        blocks, as in `mean_response`, to float32 `(N,)`.

    Raises:
        ValueError: If `model` has no attention module.
    """
    flat = flattened(model)
    starts = [r"stage\d+", *map(re.escape, attention_modules(model))]
    pattern = re.compile(BLOCK.format(f"({'|'.join(starts)})"))
    outputs = {
        layer.name: _mean_absolute(node_in(flat, layer).outputs[0])
        for layer in flat.layers
        if pattern.fullmatch(layer.name)
    }
    return keras.Model(flat.input, outputs, name=f"{model.name}_response")


def _mean_absolute(tensor):
    return ops.mean(ops.abs(ops.cast(tensor, "float32")), axis=(1, 2, 3))


def mean_response(model, inputs, batch_size=32, training=False):
    """Compute the mean absolute response of the output of every block.

    The paper's question, why naive attention degrades: there the masks, 0 to 1,
    weaken the signal from module to module, and with attention residual
    learning they do not.

    Example:

    >>> model = keras_resattn.cifar.Attention56(weights="cifar10")
    >>> responses = mean_response(model, images)
    >>> [name for name in responses if "attention1" in name][:4]
    ['stage1_attention1_pre1', 'stage1_attention1_trunk',
     'stage1_attention1_residual', 'stage1_attention1_post1']

    Args:
        model: A functional `keras.Model` with attention modules.
        inputs: A float32 array `(N, H, W, C)`, standardized as for `model`, or
            what gives such arrays, batch by batch; only one is kept.
        batch_size: Integer, how many images of an array to compute at a time.
        training: Boolean, whether to normalize by the statistics of each batch,
            as in a training step (with dropout, if there is any). At
            initialization the moving statistics say nothing. No state changes.

    Returns:
        A dictionary from the names of blocks, in the order of the network, to
        float32 arrays `(N,)`: of each image the mean over positions and channels
        of the absolute values of the block's output. A module's blocks are
        `<module>_pre<i>`, `<module>_trunk`, `<module>_residual` (or `_naive`)
        and, last, its output, `<module>_post<i>`; the other units of a stage are
        `stage<i>_unit<j>`.

    Raises:
        ValueError: If `model` has no attention module or there are no images.

    Reference: Wang et al., Residual Attention Network, 2017, section 4.1.
    """
    measure = response_model(model)
    state = [variable.value for variable in measure.non_trainable_variables]
    weights = [variable.value for variable in measure.trainable_variables]

    def compute(batch):
        if not training:
            return measure.predict_on_batch(batch)
        batch = ops.convert_to_tensor(batch, "float32")
        responses, _ = measure.stateless_call(weights, state, batch, training=True)
        return {name: ops.convert_to_numpy(r) for name, r in responses.items()}

    parts = [compute(batch) for batch in _batches(inputs, batch_size)]
    if not parts:
        raise ValueError("Give one image or more. Received: no images")
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def _batches(inputs, batch_size):
    if not hasattr(inputs, "shape"):
        return inputs
    starts = range(0, len(inputs), batch_size)
    return (inputs[start : start + batch_size] for start in starts)


def module_outputs(blocks):
    """Return the block that is the output of each module, by module.

    Args:
        blocks: The names of blocks in their order, such as what `mean_response`
            returns.
    """
    found = [re.fullmatch(r"(.*)_post\d+", name) for name in blocks]
    # Of several units after the fusion the last counts.
    return {match[1]: match[0] for match in found if match}
