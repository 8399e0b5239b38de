"""Explain batches of images in one pass, in constant memory."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np

from keras_resattn.explain.amplification_maps import amplification_of
from keras_resattn.explain.evidence import check_methods
from keras_resattn.explain.evidence import class_evidence
from keras_resattn.explain.gradients import class_gradients
from keras_resattn.explain.reader import Modules
from keras_resattn.explain.reader import choose_modules
from keras_resattn.explain.reader import feature_tensors
from keras_resattn.explain.reader import mean_masks_of
from keras_resattn.explain.reader import reader
from keras_resattn.explain.triptych import Triptych
from keras_resattn.explain.triptych import select_images
from keras_resattn.explain.triptych import triptych_of
from keras_resattn.typing import Array
from keras_resattn.views.flat import flattened
from keras_resattn.views.modules import attention_modules
from keras_resattn.views.outputs import with_output


class Explanation(NamedTuple):
    """The outputs, masks, features and class evidence of a batch of images.

    Attributes:
        outputs: A float32 array `(N, classes)`, the output of the model.
        masks: A dictionary from modules to float32 arrays `(N, h, w)`: the
            masks, averaged over the channels.
        triptychs: A dictionary from modules to `Triptych`s.
        evidence: A dictionary from methods to float32 arrays `(N, H, W)`: maps
            of class evidence, 0 to 1.
        channel_masks: A dictionary from the modules of the triptychs to float32
            arrays `(N, h, w, C)`: every channel of their masks.
        amplification: A dictionary from the same modules to float32 arrays
            `(N, h, w)`, see `amplification`.
    """

    outputs: Array
    masks: dict[str, Array]
    triptychs: dict[str, Triptych]
    evidence: dict[str, Array]
    channel_masks: dict[str, Array]
    amplification: dict[str, Array]


def explain_batches(
    model: keras.Model,
    batches: Iterable[Array],
    modules: Iterable[str] | None = None,
    channel: str | int = "variance",
    classes: int | None = None,
    evidence: Sequence[str] = (),
    output: str | None = None,
) -> Iterator[Explanation]:
    """Yield masks, triptychs and class evidence of batches of images.

    The network runs once per batch, and again for gradients and evidence. One
    batch is in memory at a time.

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
        classes: Integer, the class for the rule `"gradient"` and the evidence.
            Defaults to the most probable class of each image.
        evidence: Methods of `class_evidence`.
        output: The name of the output with the classes, if `model` has several.

    Yields:
        An `Explanation` for each batch.

    Raises:
        ImportError: If there is a method, and tf-keras-vis is not installed.
        ValueError: If `model` has no attention module, or there is no module,
            channel, rule or method with such a name.
    """
    model = with_output(model, output)
    found = attention_modules(model)
    chosen = choose_modules(found, modules)
    return explain_modules(model, found, chosen, batches, channel, classes, evidence)


def explain_modules(
    model: keras.Model,
    modules: Modules,
    chosen: Modules,
    batches: Iterable[Array],
    channel: str | int = "variance",
    classes: int | None = None,
    evidence: Sequence[str] = (),
) -> Iterator[Explanation]:
    """Do the work of `explain_batches`, with the attention modules already found.

    Args:
        model: A functional `keras.Model` with attention modules.
        modules: All attention modules of `model`.
        chosen: Those to make triptychs of.
        batches: See `explain_batches`.
        channel: See `explain_batches`.
        classes: See `explain_batches`.
        evidence: See `explain_batches`.
    """
    check_methods(evidence)
    means = {f"{name}/mean": mean for name, mean in mean_masks_of(modules).items()}
    outputs = flattened(model).outputs[0]
    amplified = amplification_of(chosen)
    tensors = {"outputs": outputs, **means, **feature_tensors(chosen)}
    tensors |= {f"{name}/amplified": values for name, values in amplified.items()}
    gradients = class_gradients(model, chosen) if channel == "gradient" else {}
    read = reader(model, tensors)

    def explain(batch: Array) -> Explanation:
        arrays = read(batch)
        each = None if classes is None else np.full(len(batch), classes)
        return Explanation(
            arrays["outputs"],
            {name: arrays[f"{name}/mean"] for name in modules},
            {
                name: triptych_of(arrays, name, channel, gradients, each)
                for name in chosen
            },
            {name: _evidence(model, batch, name, each) for name in evidence},
            {name: arrays[f"{name}/mask"] for name in chosen},
            {name: arrays[f"{name}/amplified"] for name in chosen},
        )

    return map(explain, batches)


def select_image(explanation: Explanation, i: int) -> Explanation:
    """Return the explanation of image `i` of a batch, as a batch of one."""
    one = slice(i, i + 1)
    return Explanation(
        explanation.outputs[one],
        {name: mask[one] for name, mask in explanation.masks.items()},
        {
            name: select_images(triptych, one)
            for name, triptych in explanation.triptychs.items()
        },
        {name: values[one] for name, values in explanation.evidence.items()},
        {name: mask[one] for name, mask in explanation.channel_masks.items()},
        {name: values[one] for name, values in explanation.amplification.items()},
    )


def _evidence(model, batch, method, classes):
    classes = None if classes is None else classes.tolist()
    return class_evidence(model, batch, method, classes)
