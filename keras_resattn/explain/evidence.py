"""Evidence for a class in images: the maps that explain a classifier's decision."""

import contextlib
import weakref

import keras
import numpy as np

from keras_resattn.explain.logits import classifier_of
from keras_resattn.explain.logits import logits_model
from keras_resattn.layers.arguments import choice
from keras_resattn.layers.arguments import positive_integer

METHODS = ("grad_cam", "grad_cam_plus_plus", "score_cam", "layer_cam", "smooth_grad")
# Per model, without keeping it alive: its logits models, by layer.
_logits_models = weakref.WeakKeyDictionary()


def class_evidence(
    model,
    inputs,
    method="grad_cam",
    classes=None,
    layer="post_relu",
    batch_size=32,
    max_channels=None,
    samples=25,
    seed=0,
):
    """Compute where in images a model sees evidence for a class.

    This is what attention masks do not tell: a mask says which features a
    module amplifies, whatever the class. The maps are computed by tf-keras-vis
    (extra `vis`) on the model's logits, resized to the images bilinearly with
    aligned corners, and scaled: 0 is the least evidence in an image, 1 the
    most. A map without any evidence is 0.

    Example:

    >>> folder = ModelFolder.open("runs/demo")
    >>> images = folder.images(["shirt.png"])
    >>> inputs = folder.preprocessing.standardize(images)
    >>> class_evidence(folder.model, inputs, "layer_cam").shape
    (1, 28, 28)

    Args:
        model: A functional `keras.Model` that ends in a classifier, on the
            TensorFlow backend. Its output may be probabilities or logits.
        inputs: A float32 array `(N, H, W, C)`, standardized as for `model`.
        method: `"grad_cam"` (Selvaraju et al., 2017), `"grad_cam_plus_plus"`
            (Chattopadhay et al., 2018), `"score_cam"` (Wang et al., 2020),
            `"layer_cam"` (Jiang et al., 2021), or `"smooth_grad"`, the
            gradients of noisy images (Smilkov et al., 2017).
        classes: The class whose evidence is looked for: an integer, or a list
            of N integers, one an image. `None` is what `model` predicts.
        layer: String, the name of the layer whose maps the methods but
            `"smooth_grad"` weigh. `"post_relu"` gives the last map of a
            pre-activation network, in which the last convolution is only a
            branch of a sum.
        batch_size: Integer, how many images to compute at a time.
        max_channels: For `"score_cam"`, how many channels of the map to weigh:
            those that vary most over the image (Faster Score-CAM). `None` is
            all of them. Each costs a prediction.
        samples: For `"smooth_grad"`, the number of noisy images. The noise has
            0.2 of the range of an image's values as its standard deviation.
        seed: For `"smooth_grad"`, an integer: the seed of the noise, which is
            the same for each image.

    Returns:
        A float32 array `(N, H, W)` with values in 0 to 1.

    Raises:
        ImportError: If tf-keras-vis is not installed.
        RuntimeError: If the backend of Keras is not TensorFlow.
        ValueError: If an argument is out of its range, `model` has no such
            layer, or it does not end in a classifier.
    """
    choice("method", method, METHODS)
    _check_backend()
    model = _logits_model(model, layer)
    inputs = np.asarray(inputs, "float32")
    classes = _classes(model, inputs, classes, batch_size)
    options = {"max_N": max_channels} if method == "score_cam" else {}
    if method == "smooth_grad":
        options = {"smooth_samples": positive_integer("samples", samples)}
    # One at a time where the library would let an image depend on its batch.
    step = batch_size if method not in ("score_cam", "smooth_grad") else 1
    explain = _explainer(method, model, batch_size, options, seed)
    maps = [
        explain(classes[start : start + step], inputs[start : start + step])
        for start in range(0, len(inputs), step)
    ]
    return _scaled(np.concatenate(maps))


def _check_backend():
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            "Class evidence is computed with TensorFlow's gradients: set "
            "KERAS_BACKEND=tensorflow before Keras is imported. Received: "
            f"backend={keras.backend.backend()!r}"
        )


def _logits_model(model, layer):
    classifier_of(model)  # or an error that says what is missing
    known = _logits_models.setdefault(model, {})
    if layer not in known:
        known[layer] = logits_model(model, layer)
    return known[layer]


def _classes(model, inputs, classes, batch_size):
    """Return the class of each image as a list of integers."""
    count = model.outputs[0].shape[-1]
    if classes is None:
        logits = np.reshape(model.predict([inputs], batch_size), (-1, count))
        return logits.argmax(axis=-1).tolist()
    given = np.asarray(classes)
    whole = given.dtype.kind in "iu" and given.shape in ((), (len(inputs),))
    if not whole or (given < 0).any() or (given >= count).any():
        raise ValueError(
            f"`classes` must be an integer from 0 to {count - 1}, or {len(inputs)} "
            f"of them, one an image. Received: classes={classes!r}"
        )
    return np.broadcast_to(given, len(inputs)).tolist()


def _explainer(method, model, batch_size, options, seed):
    """Return the function of classes and images that gives maps."""
    library = _tf_keras_vis()
    explain = library[method](model)
    if method == "smooth_grad":

        def gradients(classes, inputs):
            with _seeded(seed):  # the library's noise is that of NumPy's global state
                score = library["score"](classes)
                return explain(score, inputs, normalize_map=False, **options)

        return gradients
    if method == "score_cam":
        options = {**options, "batch_size": batch_size}
    options |= {"penultimate_layer": "evidence_map", "normalize_cam": False}

    def activation_maps(classes, inputs):
        score = library["score"](classes)
        return explain(score, inputs, seek_penultimate_conv_layer=False, **options)

    return activation_maps


def _tf_keras_vis():
    try:
        from tf_keras_vis.gradcam import Gradcam
        from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
        from tf_keras_vis.layercam import Layercam
        from tf_keras_vis.saliency import Saliency
        from tf_keras_vis.scorecam import Scorecam
        from tf_keras_vis.utils.scores import CategoricalScore
    except ImportError as error:
        raise ImportError(
            'Class evidence needs tf-keras-vis: pip install "keras-resattn[vis]"'
        ) from error
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
    """Return each map from its least value, 0, to its largest, 1."""
    maps = np.asarray(maps, "float64")
    least = maps.min(axis=(1, 2), keepdims=True)
    span = maps.max(axis=(1, 2), keepdims=True) - least
    return ((maps - least) / np.where(span > 0, span, 1)).astype("float32")
