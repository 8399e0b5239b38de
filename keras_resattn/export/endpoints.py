"""The functions behind the signatures: from bytes to named tensors.

They use only TensorFlow's standard operations, so that any TensorFlow Serving
can run them. Each checks the shape of its input first, because a wrong shape inside a
convolution would crash the process that serves.
"""

from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from keras_resattn.data import Preprocessing
from keras_resattn.data.decoding import assert_all_fine
from keras_resattn.export import contract
from keras_resattn.export.overlay import overlay_png
from keras_resattn.typing import StrPath
from keras_resattn.views.classifier_output import classifying
from keras_resattn.views.flat import flattened
from keras_resattn.views.graph import producer_of
from keras_resattn.views.modules import find_modules

Outputs = dict[str, tf.Tensor]


class Endpoints:
    """What an exported model computes.

    Args:
        model: A functional `keras.Model` whose last layer is a classifier.
        preprocessing: Its `keras_resattn.data.Preprocessing`.
        labels_file: The path of a file with one label per line.
    """

    def __init__(
        self,
        model: keras.Model,
        preprocessing: Preprocessing,
        labels_file: StrPath,
    ) -> None:
        self.model = model
        self.preprocessing = preprocessing
        self.labels = _label_table(labels_file)
        outputs = network_outputs(model)
        self.masks = [name for name in outputs if name.endswith(contract.MASK)]
        network = keras.Model(flattened(model).input, outputs)
        # Traced once: the signatures call a function of the graph.
        self._network = tf.function(
            lambda inputs: network(inputs, training=False),
            input_signature=[tf.TensorSpec((None, *preprocessing.input_shape))],
            autograph=False,
        )
        self._read = tf.function(
            self._read_images,
            input_signature=[tf.TensorSpec((None,), tf.string)],
            autograph=False,
        )

    def signatures(self) -> Iterator[tuple[str, Callable[..., Any], tf.TensorSpec]]:
        """Yield name, function and input of each signature."""
        strings = tf.TensorSpec((None,), tf.string, contract.IMAGE_BYTES)
        examples = tf.TensorSpec((None,), tf.string, contract.EXAMPLES)
        shape = (None, None, None, self.preprocessing.input_shape[-1])
        pixels = tf.TensorSpec(shape, tf.float32, contract.IMAGES)
        yield contract.SERVING_DEFAULT, self.serving_default, strings
        yield contract.PREDICT_IMAGES, self.predict_images, pixels
        yield contract.CLASSIFY, self.classify, examples
        yield contract.EMBED, self.embed, strings
        if self.masks:
            yield contract.ATTENTION, self.attend, strings
            yield contract.ATTENTION_OVERLAY, self.overlay, strings

    # === Signatures ===

    def serving_default(self, image_bytes: tf.Tensor) -> Outputs:
        return self._most_probable(self._read(image_bytes))

    def predict_images(self, images: tf.Tensor) -> Outputs:
        channels = self.preprocessing.input_shape[-1]
        images = tf.ensure_shape(images, (None, None, None, channels))
        return self._most_probable(images)

    def classify(self, inputs: tf.Tensor) -> Outputs:
        inputs = tf.ensure_shape(inputs, (None,))
        feature = {contract.IMAGE_BYTES: tf.io.FixedLenFeature((), tf.string)}
        examples = tf.io.parse_example(inputs, feature)
        scores = self._probabilities(self._read(examples[contract.IMAGE_BYTES]))
        classes = self.labels.lookup(tf.range(scores.shape[-1], dtype=tf.int64))
        return {
            contract.CLASSES: tf.tile(classes[None], [tf.shape(scores)[0], 1]),
            contract.SCORES: scores,
        }

    def embed(self, image_bytes: tf.Tensor) -> Outputs:
        outputs = self._run(self._read(image_bytes))
        return {contract.EMBEDDING: outputs[contract.EMBEDDING]}

    def attend(self, image_bytes: tf.Tensor) -> Outputs:
        outputs = self._run(self._read(image_bytes))
        return {name: outputs[name] for name in (contract.PROBABILITIES, *self.masks)}

    def overlay(self, image_bytes: tf.Tensor) -> Outputs:
        images = self._read(image_bytes)
        outputs = self._run(images)
        return {
            name.removesuffix(contract.MASK) + contract.OVERLAY: overlay_png(
                images, outputs[name]
            )
            for name in self.masks
        }

    # === What they share ===

    def _most_probable(self, images: tf.Tensor) -> Outputs:
        probabilities = self._probabilities(images)
        count = min(contract.TOP_K, probabilities.shape[-1])
        top = tf.math.top_k(probabilities, count, index_type=tf.int64)
        return {
            contract.PROBABILITIES: probabilities,
            contract.TOP_K_LABELS: self.labels.lookup(top.indices),
            contract.TOP_K_PROBABILITIES: top.values,
        }

    def _read_images(self, image_bytes: tf.Tensor) -> tf.Tensor:
        """Return images `(N, H, W, C)`, float32, in the network's size."""
        image_bytes = tf.ensure_shape(image_bytes, (None,))

        pixels = tf.TensorSpec(self.preprocessing.input_shape, tf.float32)
        images, refusals = tf.map_fn(
            self.preprocessing.decode_or_refuse,
            image_bytes,
            fn_output_signature=(pixels, tf.TensorSpec((), tf.string)),
        )
        with tf.control_dependencies([assert_all_fine(refusals)]):
            return tf.identity(images)

    def _probabilities(self, images: tf.Tensor) -> tf.Tensor:
        return self._run(images)[contract.PROBABILITIES]

    def _run(self, images: tf.Tensor) -> Outputs:
        """Return the network's outputs by name, for images of any size."""
        count = tf.shape(images)[0]
        # For an empty batch, oneDNN's convolutions return a wrong shape.
        rows = tf.cast(tf.equal(count, 0), tf.int32)
        images = tf.pad(images, [[0, rows], [0, 0], [0, 0], [0, 0]])
        inputs = self.preprocessing.standardize(self._resize(images))
        inputs = tf.ensure_shape(inputs, (None, *self.preprocessing.input_shape))
        return {name: x[:count] for name, x in self._network(inputs).items()}

    def _resize(self, images: tf.Tensor) -> tf.Tensor:
        size = self.preprocessing.input_shape[:2]
        return tf.cond(
            tf.reduce_all(tf.equal(tf.shape(images)[1:3], size)),
            # TensorFlow would interpolate and copy even images of the right size.
            lambda: images,
            lambda: tf.cast(self.preprocessing.resize(images), tf.float32),
        )


def network_outputs(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """Return the tensors of a model's graph that signatures return, float32, by name.

    Args:
        model: A functional `keras.Model` whose last layer is a classifier, its own or
            that of a network that it calls.

    Returns:
        A dictionary of tensors of the graph of `flattened(model)`.
    """
    model = flattened(model)
    outputs = {
        contract.PROBABILITIES: model.outputs[0],
        contract.EMBEDDING: _classifier_input(model),
    }
    first = keras.config.image_data_format() == "channels_first"
    for name, module in find_modules(model).items():
        mask = keras.ops.cast(module.mask, "float32")
        outputs[name + contract.MASK] = keras.ops.mean(mask, 1 if first else -1)
    return {name: keras.ops.cast(x, "float32") for name, x in outputs.items()}


def _classifier_input(model: keras.Model) -> keras.KerasTensor:
    """Return the features that a model classifies, `(N, D)`."""
    classifier = classifying(model)
    last = producer_of(model.outputs[0])
    are_layers = all(
        isinstance(one, keras.layers.Layer) for one in (last, classifier.operation)
    )
    if not are_layers:
        raise ValueError(
            "The model ends in an operation instead of a layer; end it in a Dense "
            f"layer or its activation. Received: model={model!r}"
        )
    features = classifier.input_tensors[0]
    if len(features.shape) == 4:  # a convolution as the classifier, pooled after it
        first = keras.config.image_data_format() == "channels_first"
        return keras.ops.mean(features, axis=(2, 3) if first else (1, 2))
    return features


def _label_table(path: StrPath) -> tf.lookup.StaticHashTable:
    """Return a table from the number of a class to its label; the file is an asset."""
    labels = Path(path).read_text(encoding="utf-8").splitlines()
    if "" in labels:
        raise ValueError(
            "TensorFlow does not read an empty line as a label; name the class. "
            f"Received: {path} with line {labels.index('') + 1} empty"
        )
    lines = tf.lookup.TextFileInitializer(
        str(path),
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
    )
    return tf.lookup.StaticHashTable(lines, default_value="")
