"""Triptychs: a feature before its mask, the mask, and the feature after it."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_resattn.explain.channels import ALL
from keras_resattn.explain.channels import INDEX
from keras_resattn.explain.channels import choose_channels
from keras_resattn.explain.reader import PARTS
from keras_resattn.typing import Array


class Triptych(NamedTuple):
    """A feature before its mask, the mask, and the feature after it.

    Attributes:
        before: A float32 array `(N, h, w)`, the output of the trunk branch.
        mask: A float32 array `(N, h, w)`, the mask, 0 to 1.
        after: A float32 array `(N, h, w)`, both fused.
        module: The name of the attention module.
        channels: An int64 array `(N,)`, the channel of each image; `None` if
            the maps are means over all channels.
        rule: How the channels were chosen: `"energy"`, `"variance"`, `"mean"`,
            `"max"`, `"gradient"`, `"index"` or `"all"`.
    """

    before: Array
    mask: Array
    after: Array
    module: str
    channels: Array | None
    rule: str


def triptych_of(
    features: Mapping[str, Array],
    module: str,
    channel: str | int,
    gradients: Mapping[str, Callable[..., Array]],
    classes: Array | None,
) -> Triptych:
    """Return the `Triptych` of a batch.

    Args:
        features: The arrays of a module's `feature_tensors`, `(N, h, w, C)` each.
        module: The name of the module.
        channel: See `feature_triptych`.
        gradients: With the rule `"gradient"`: the functions of `class_gradients`.
            Otherwise an empty dictionary.
        classes: One integer per image, or `None` for the most probable classes.
    """
    before, mask, after = parts = [features[f"{module}/{part}"] for part in PARTS]
    if channel == ALL:
        before, mask, after = (part.mean(axis=-1) for part in parts)
        return Triptych(before, mask, after, module, None, ALL)
    gradient = gradients[module](after, classes) if gradients else None
    channels = choose_channels(before, mask, channel, gradient)
    indices = channels[:, None, None, None]
    before, mask, after = (
        np.take_along_axis(part, indices, -1)[..., 0] for part in parts
    )
    rule = channel if isinstance(channel, str) else INDEX
    return Triptych(before, mask, after, module, channels, rule)


def select_images(triptych: Triptych, images: slice) -> Triptych:
    """Return the triptych of some of its images."""
    channels = triptych.channels
    return triptych._replace(
        before=triptych.before[images],
        mask=triptych.mask[images],
        after=triptych.after[images],
        channels=None if channels is None else channels[images],
    )


def join_triptychs(parts: Sequence[Triptych]) -> Triptych:
    """Return the triptychs of several batches as one."""
    channels = [part.channels for part in parts if part.channels is not None]
    return parts[0]._replace(
        before=np.concatenate([part.before for part in parts]),
        mask=np.concatenate([part.mask for part in parts]),
        after=np.concatenate([part.after for part in parts]),
        channels=np.concatenate(channels) if channels else None,
    )
