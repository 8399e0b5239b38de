"""Everything about batches of images in one pass, with flat memory."""

from typing import NamedTuple

import numpy as np

from keras_resattn.explain.arrays import Triptych
from keras_resattn.explain.arrays import channel_mean
from keras_resattn.explain.arrays import feature_tensors
from keras_resattn.explain.arrays import reader
from keras_resattn.explain.arrays import triptych_of
from keras_resattn.explain.gradients import class_gradients
from keras_resattn.views.flat import flattened
from keras_resattn.views.modules import attention_modules


class Explanation(NamedTuple):
    """What a network sees in a batch of images.

    Attributes:
        outputs: A float32 array `(N, classes)`: probabilities, or whatever the
            model gives.
        masks: A dictionary from modules to float32 arrays `(N, h, w)`: the
            masks, mean over the channels.
        triptychs: A dictionary from modules to `Triptych`s.
        evidence: A dictionary from methods to float32 arrays `(N, H, W)`: maps
            of class evidence, 0 to 1.
    """

    outputs: np.ndarray
    masks: dict[str, np.ndarray]
    triptychs: dict[str, Triptych]
    evidence: dict[str, np.ndarray]


def explain_batches(
    model, batches, modules=None, channel="energy", classes=None, evidence=()
):
    """Yield masks, triptychs and class evidence of batches of images.

    The network runs once for a batch (and again for gradients and evidence);
    one batch is in memory at a time.

    Example:

    >>> for explanation in explain_batches(model, batches):
    ...     print(explanation.triptychs["stage1_attention1"].channels)

    Args:
        model: A functional `keras.Model` with attention modules.
        batches: An iterable of float32 arrays `(N, H, W, C)`, standardized as
            for `model`.
        modules: The names of the modules to make triptychs of. Defaults to
            all.
        channel: A rule, an index or `"all"`, see `feature_triptych`.
        classes: Integer, the class of the rule `"gradient"` and of the
            evidence. Defaults to each image's most probable one.
        evidence: Methods of `class_evidence`.

    Yields:
        An `Explanation` for each batch.

    Raises:
        ValueError: If `model` has no attention module, none of such a name, or
            there is no such channel, rule or method.
    """
    masks = attention_modules(model)
    modules = list(masks) if modules is None else list(modules)
    tensors = feature_tensors(model, modules)
    gradients = class_gradients(model, modules) if channel == "gradient" else {}
    tensors |= {f"{name}/mean": channel_mean(part.mask) for name, part in masks.items()}
    read = reader(model, {"outputs": flattened(model).outputs[0], **tensors})
    for batch in batches:
        arrays = read(batch)
        chosen = None if classes is None else np.full(len(batch), classes)
        yield Explanation(
            arrays["outputs"],
            {name: arrays[f"{name}/mean"] for name in masks},
            {
                name: triptych_of(arrays, name, channel, gradients, chosen)
                for name in modules
            },
            {name: _evidence(model, batch, name, chosen) for name in evidence},
        )


def _evidence(model, batch, method, classes):
    classes = None if classes is None else classes.tolist()
    return _class_evidence()(model, batch, method, classes)


def _class_evidence():
    # It needs TensorFlow and tf-keras-vis, the rest does not.
    from keras_resattn.explain.evidence import class_evidence

    return class_evidence
