"""Class evidence: maps of where a classifier sees evidence for a class."""

import contextlib
import weakref
from collections.abc import Iterable
from collections.abc import Sequence

import keras
import numpy as np

from keras_resattn.explain.inputs import as_classes
from keras_resattn.explain.inputs import as_inputs
from keras_resattn.explain.logits import logits_model
from keras_resattn.explain.resizing import resized
from keras_resattn.layers.arguments import choice
from keras_resattn.layers.arguments import positive_integer
from keras_resattn.typing import Array
from keras_resattn.views.classifier_output import output_kind
from keras_resattn.views.data_format import check_channels_last
from keras_resattn.views.outputs import with_output
from keras_resattn_client.extras import require_extra

METHODS = ("grad_cam", "grad_cam_plus_plus", "score_cam", "layer_cam", "smooth_grad")
# The logits models of each model, by layer. The references keep no model alive.
_logits_models: weakref.WeakKeyDictionary[
    keras.Model, dict[tuple[str | None, str | None], keras.Model]
] = weakref.WeakKeyDictionary()


def class_evidence(
    model: keras.Model,
    inputs: Array,
    method: str = "grad_cam",
    classes: int | Sequence[int] | None = None,
    layer: str | None = None,
    batch_size: int = 32,
    max_channels: int | None = None,
    samples: int = 25,
    seed: int = 0,
    output: str | None = None,
) -> Array:
    """Compute where in images a model sees evidence for a class.

    Attention masks do not show this: a mask shows which features a module
    amplifies, for any class. tf-keras-vis (extra `vis`) computes the maps from the
    logits of the model. They are resized to the images, bilinear by the centres of
    the pixels (as masks are drawn), and scaled: 0 is the least evidence in an image, 1
    the most. A map without any evidence is 0.

    Example:

    >>> folder = ModelFolder.open("runs/demo")
    >>> images = folder.images(["shirt.png"])
    >>> inputs = folder.preprocessing.standardize(images)
    >>> class_evidence(folder.model, inputs, "layer_cam").shape
    (1, 28, 28)

    Args:
        model: A functional `keras.Model` that ends in a classifier, on the
            TensorFlow backend. It may return probabilities or logits.
        inputs: A float32 array `(N, H, W, C)`, standardized as for `model`.
        method: `"grad_cam"` (Selvaraju et al., 2017), `"grad_cam_plus_plus"`
            (Chattopadhay et al., 2018), `"score_cam"` (Wang et al., 2020),
            `"layer_cam"` (Jiang et al., 2021), or `"smooth_grad"`, the
            gradients of noisy images (Smilkov et al., 2017).
        classes: The class: an integer for all images, or a list of N integers.
            Defaults to the class that `model` predicts for each image.
        layer: String, the name of the layer whose maps are weighted. Ignored by
            `"smooth_grad"`. Defaults to the last layer with a map that all paths to
            the classifier pass through: in a pre-activation network `"post_relu"`,
            because the last convolution is only one branch of a sum.
        batch_size: Integer, images per batch.
        max_channels: For `"score_cam"`, how many channels of the map to use:
            those that vary most over the image (Faster Score-CAM). Each channel
            costs one prediction. Defaults to all.
        samples: For `"smooth_grad"`, the number of noisy images. The standard
            deviation of the noise is 0.2 times the range of the values of an image.
        seed: For `"smooth_grad"`, an integer: the seed of the noise. All images get
            the same noise.
        output: String, the name of the output with the classes, if `model` has
            several.

    Returns:
        A float32 array `(N, H, W)` with values in 0 to 1.

    Raises:
        ImportError: If tf-keras-vis is not installed.
        RuntimeError: If the backend of Keras is not TensorFlow.
        ValueError: If an argument is out of range, `model` has no such layer, or
            it does not end in a classifier.
    """
    check_methods([method])
    batch_size = positive_integer("batch_size", batch_size)
    check_channels_last("Class evidence is computed")
    logits = _logits_model(model, layer, output)  # checks that it is a classifier
    if method == "score_cam":
        _check_has_softmax(with_output(model, output))
    inputs = as_inputs(inputs, model)
    model = logits
    chosen = _classes(model, inputs, classes, batch_size)
    options = {"max_N": max_channels} if method == "score_cam" else {}
    if method == "smooth_grad":
        options = {"smooth_samples": positive_integer("samples", samples)}
    # For these methods, in a batch the maps of tf-keras-vis depend on the other images.
    step = batch_size if method not in ("score_cam", "smooth_grad") else 1
    explain = _explainer(method, model, batch_size, options, seed)
    maps = [
        explain(chosen[start : start + step], inputs[start : start + step])
        for start in range(0, len(inputs), step)
    ]
    return _scaled(np.concatenate(maps))


def check_methods(methods: Iterable[str]) -> None:
    """Check that class evidence can be computed by methods, before any work begins."""
    for method in methods:
        choice("method", method, METHODS)
        if keras.backend.backend() != "tensorflow":
            raise RuntimeError(
                "Class evidence needs TensorFlow's gradients. Set "
                "KERAS_BACKEND=tensorflow before Keras is imported. Received: "
                f"backend={keras.backend.backend()!r}"
            )
        require_extra("vis", "Class evidence", ("tf_keras_vis",))


def _check_has_softmax(model):
    if output_kind(model) == "other" or model.outputs[0].shape[-1] < 2:
        raise ValueError(
            "Score-CAM compares classes by their softmax, and the outputs of this "
            "model are not made for it; use another method, such as 'grad_cam', or "
            f"keras_resattn.explain.rise. Received: model={model!r}"
        )


def _logits_model(model, layer, output):
    if not isinstance(model, keras.Model):
        return logits_model(model, layer)  # raises the error
    known = _logits_models.setdefault(model, {})
    key = layer, output
    if key not in known:
        known[key] = logits_model(with_output(model, output), layer)
    return known[key]


def _classes(model, inputs, classes, batch_size):
    """Return the class of each image as a list of integers."""
    count = model.outputs[0].shape[-1]
    if classes is None:
        logits = np.reshape(model.predict([inputs], batch_size), (-1, count))
        return logits.argmax(axis=-1).tolist()
    return as_classes(classes, len(inputs), count).tolist()


def _explainer(method, model, batch_size, options, seed):
    """Return a function from classes and images to maps."""
    library = _tf_keras_vis()
    explain = library[method](model)
    if method == "smooth_grad":

        def gradients(classes, inputs):
            with _seeded(seed):  # the library uses NumPy's global random state
                score = library["score"](classes)
                return explain(score, inputs, normalize_map=False, **options)

        return gradients
    if method == "score_cam":
        options = {**options, "batch_size": batch_size}
    # The library would enlarge maps with aligned corners, up to 1.5 of 32 pixels apart
    # from masks. Score-CAM enlarges the maps that it hides images with in this way.
    options |= {"penultimate_layer": "evidence_map", "normalize_cam": False}
    options["expand_cam"] = False

    def activation_maps(classes, inputs):
        score = library["score"](classes)
        if method == "grad_cam_plus_plus":
            score = _relative(score)
        maps = explain(score, inputs, seek_penultimate_conv_layer=False, **options)
        return resized(maps, inputs.shape[1:3])

    return activation_maps


def _relative(score):
    """Return a score that is 0, with the gradients of the given one.

    The library multiplies by the exponential of the score, which overflows for large
    logits and is 0 for small ones. It is the same for the whole map, which is scaled.
    """
    import tensorflow as tf

    return lambda outputs: [x - tf.stop_gradient(x) for x in score(outputs)]


def _tf_keras_vis():
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
    from tf_keras_vis.layercam import Layercam
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.scorecam import Scorecam
    from tf_keras_vis.utils.scores import CategoricalScore

    explainers = (Gradcam, GradcamPlusPlus, Scorecam, Layercam, Saliency)
    return {**dict(zip(METHODS, explainers, strict=True)), "score": CategoricalScore}


@contextlib.contextmanager
def _seeded(seed):
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)


def _scaled(maps):
    """Scale each map: its smallest value becomes 0, its largest 1."""
    maps = np.asarray(maps, "float64")
    least = maps.min(axis=(1, 2), keepdims=True)
    span = maps.max(axis=(1, 2), keepdims=True) - least
    return ((maps - least) / np.where(span > 0, span, 1)).astype("float32")
