"""Compute what the page of `keras-resattn explore` shows of an image."""

import contextlib
import functools
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_resattn.data.image_files import read_picture
from keras_resattn.data.preprocessing import Preprocessing
from keras_resattn.doubt import doubt
from keras_resattn.explain.evidence import class_evidence
from keras_resattn.explain.gradients import class_gradients
from keras_resattn.explain.patterns import MaskPatterns
from keras_resattn.explain.patterns import apply_patterns
from keras_resattn.explain.reader import feature_tensors
from keras_resattn.explain.reader import reader
from keras_resattn.explain.reference import Reference
from keras_resattn.explain.reference import find_reference
from keras_resattn.explain.triptych import Triptych
from keras_resattn.explain.triptych import triptych_of
from keras_resattn.typing import Array
from keras_resattn.typing import StrPath
from keras_resattn.typing import Tensor
from keras_resattn.views.flat import flattened
from keras_resattn.views.modules import attention_modules

CACHED = 16  # images; the maps of an image of 224 x 224 take about 20 MB


class ExploredImage(NamedTuple):
    """An image with its probabilities and feature maps.

    Attributes:
        pixels: A uint8 array `(H, W, 1)` or `(H, W, 3)`, the image at the network's
            size.
        inputs: A float32 array `(1, H, W, C)`, the standardized image as a batch.
        probabilities: A float32 array `(classes,)`.
        features: A dictionary of float32 arrays `(1, h, w, C)`: for each attention
            module `"<module>/before"`, `"<module>/mask"` and `"<module>/after"`.
    """

    pixels: Array
    inputs: Array
    probabilities: Array
    features: dict[str, Array]


class Explorer:
    """Compute the classes, masks and features of one image at a time.

    Example:

    >>> folder = ModelFolder.open("runs/demo")
    >>> explorer = Explorer(folder.model, folder.labels, folder.preprocessing)
    >>> image = explorer.look("shirt.png")
    >>> explorer.most_probable(image, 1)
    {'Shirt': 0.83}
    >>> explorer.triptych(image, "stage1_attention1", 5).mask.shape
    (1, 28, 28)

    Args:
        model: A `keras.Model` with attention modules that returns the probabilities
            of classes.
        labels: The names of the classes, in the order of the outputs.
        preprocessing: The model's `keras_resattn.data.Preprocessing`.
        examples: Paths of images. The mask patterns and the scales of the
            amplification are found in them. Without examples, they are found in each
            image that is shown.
        usual_confidence: The probability that 95 % of the test images reach, or
            `None`. An image below it gets a notice.

    Raises:
        ValueError: If `model` has no attention module, or takes images that
            cannot be shown.
    """

    def __init__(
        self,
        model: keras.Model,
        labels: Iterable[str],
        preprocessing: Preprocessing,
        examples: Sequence[StrPath] = (),
        usual_confidence: float | None = None,
    ) -> None:
        shape = tuple(preprocessing.input_shape)
        if shape[-1] not in (1, 3):
            raise ValueError(
                "The page can only show images with 1 or 3 channels. "
                f"Received: a model with the input shape {shape}"
            )
        self.model = model
        self.labels = tuple(labels)
        self.preprocessing = preprocessing
        self.examples = tuple(examples)
        self.usual_confidence = usual_confidence
        self._modules = attention_modules(model)
        # The number of channels of each attention module.
        self.channels: dict[str, int] = {
            name: module.mask.shape[-1] for name, module in self._modules.items()
        }
        tensors = feature_tensors(self._modules)
        tensors["probabilities"] = flattened(model).outputs[0]
        self._read = reader(model, tensors)
        self.look = functools.lru_cache(CACHED)(self._look)
        self.evidence = functools.lru_cache(CACHED)(self._evidence)

    def _look(self, path: str | Path) -> ExploredImage:
        """Return the `ExploredImage` of a file.

        Args:
            path: The path of a PNG, JPEG, GIF, BMP or WebP file that does not
                change.

        Raises:
            ValueError: If the file is not a readable image, or is too large.
        """
        image = tf.cast(read_image(path, self.preprocessing), tf.float32)
        inputs = self.preprocessing.standardize(image[None]).numpy()
        features = self._read(inputs)
        probabilities = features.pop("probabilities")[0]
        pixels = image.numpy().round().clip(0, 255).astype("uint8")
        return ExploredImage(pixels, inputs, probabilities, features)

    def warm_up(self) -> None:
        """Run everything once, so that the first image is fast."""
        _ = self.shared_reference  # computed once, on first use
        inputs = np.zeros((1, *self.preprocessing.input_shape), "float32")
        self._read(inputs)
        class_evidence(self.model, inputs, "grad_cam", classes=[0])

    def prediction(self, image: ExploredImage) -> str:
        """Return a sentence with the most probable class, and whether it is unsure."""
        ((label, probability),) = self.most_probable(image, 1).items()
        notice = doubt(probability, self.usual_confidence)
        return f"The most probable class is {label}. {notice}".strip()

    def most_probable(self, image: ExploredImage, count: int = 5) -> dict[str, float]:
        """Return the most probable classes, as a dictionary of probabilities."""
        best = np.argsort(-image.probabilities, kind="stable")[:count]
        return {self.labels[i]: float(image.probabilities[i]) for i in best}

    def amplification(self, image: ExploredImage, module: str) -> Array:
        """Return the amplification by a module, float32 `(h, w)`."""
        before, after = (
            np.sqrt(np.square(image.features[f"{module}/{part}"][0]).sum(axis=-1))
            for part in ("before", "after")
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            return after / before

    def patterns(self, image: ExploredImage, module: str) -> MaskPatterns:
        """Return the `keras_resattn.explain.MaskPatterns` of an image."""
        basis = self.reference(image).patterns[module]
        return apply_patterns(image.features[f"{module}/mask"], basis)

    def reference(self, image: ExploredImage) -> Reference:
        """Return the scales and patterns of the examples; without any, of the image."""
        if self.shared_reference is not None:
            return self.shared_reference
        return find_reference(self.model, self._modules, [image.inputs])

    @functools.cached_property
    def shared_reference(self) -> Reference | None:
        """The scales and patterns of the examples, or `None` without examples."""
        batches = list(self._example_batches())
        return find_reference(self.model, self._modules, batches) if batches else None

    def _example_batches(self) -> Iterator[Array]:
        """Yield the examples, without those that cannot be read."""
        for path in self.examples:
            with contextlib.suppress(ValueError):  # the page shows the reason
                yield self.look(Path(path)).inputs

    def triptych(
        self, image: ExploredImage, module: str, channel: str | int
    ) -> Triptych:
        """Return the `keras_resattn.explain.Triptych` of an image.

        Args:
            image: An `ExploredImage`.
            module: String, the name of an attention module.
            channel: An index, a rule or `"all"`: see
                `keras_resattn.explain.feature_triptych`.
        """
        gradients = self._gradients if channel == "gradient" else {}
        return triptych_of(image.features, module, channel, gradients, None)

    @functools.cached_property
    def _gradients(self):
        return class_gradients(self.model, self._modules)

    def _evidence(self, path: str | Path, number: int) -> Array:
        """Return the Grad-CAM of a file for a class, float32 `(H, W)`, 0 to 1.

        Args:
            path: The path of a file that `look` can read.
            number: Integer, the class.
        """
        inputs = self.look(path).inputs
        return class_evidence(self.model, inputs, "grad_cam", classes=[number])[0]


def read_image(path: str | Path, preprocessing: Preprocessing) -> Tensor:
    """Read an image file at the network's size, if it is safe to decode.

    Args:
        path: The path of a PNG, JPEG, GIF, BMP or WebP file.
        preprocessing: The `keras_resattn.data.Preprocessing` to read with.

    Returns:
        A tensor `(H, W, C)` of pixel values, 0 to 255.

    Raises:
        ValueError: If the file is not an image, is damaged, or has too many pixels.
    """
    picture, reason = read_picture(path, preprocessing)
    if reason:
        raise ValueError(f"The file {reason}.")
    return preprocessing.resize(picture)
