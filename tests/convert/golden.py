"""pytorchcv's resattnet56: drawn weights, an image, its logits and masks."""

import json
import math
from pathlib import Path

import numpy as np

PATH = Path(__file__).parent / "golden" / "pytorchcv_resattnet56_224.npz"


def load():
    """Return weights by pytorchcv's names, an image (NHWC) and outputs by name.

    The outputs are "logits" and, sampled by `sample`, the masks by our modules'
    names, as pytorchcv computed them in float64.
    """
    with np.load(PATH) as data:
        meta = json.loads(str(data["meta"]))
        outputs = {key: data[key] for key in data if key != "meta"}
    return draw(meta["shapes"], meta["seed"]), draw_images(meta["seed"]), outputs


def draw(shapes, seed):
    """Draw weights and statistics unlike one another, by name.

    The scales are such that the masks spread over 0 to 1 and the sums of the
    residual units stay small.
    """
    rng = np.random.RandomState(seed)
    weights = {}
    for name in sorted(shapes):
        shape = tuple(shapes[name])
        if len(shape) > 1:
            gain = 2 if len(shape) == 4 else 1
            weight = rng.randn(*shape) * math.sqrt(gain / math.prod(shape[1:]))
        elif name.endswith("running_var"):
            weight = rng.uniform(0.7, 1.5, shape)
        elif name.endswith("bn.weight"):
            weight = rng.uniform(0.4, 0.8, shape)
        else:
            weight = rng.randn(*shape) * 0.1
        weights[name] = weight.astype("float32")
    return weights


def draw_images(seed, count=1):
    images = np.random.RandomState(seed + 1).randn(count, 224, 224, 3)
    return images.astype("float32")


def sample(mask):
    """Return the part of a mask `(N, H, W, C)` that is stored."""
    step = mask.shape[1] // 7
    return mask[:, ::step, ::step, ::32]
