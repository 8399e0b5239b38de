import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resattn import create_model
from keras_resattn.export import export
from keras_resattn.model_folder import LABELS
from keras_resattn.model_folder import MODEL
from keras_resattn.model_folder import RECIPE
from keras_resattn.model_folder import ModelFolder
from keras_resattn.recipes.files import load_recipe
from keras_resattn.views.graph import flatten_layers

NAMES = ("apple", "bee", "Käse", "door", "egg", "fire truck", "g")


def make_folder(path, channels=3, labels=NAMES, resize="squash", **options):
    """A model folder as a run leaves it, with random weights."""
    shape = [16, 16, channels]
    settings = {"network.name": "tiny", "network.input_shape": shape}
    settings["preprocessing.resize"] = resize
    settings = [f"{key}={value}" for key, value in settings.items()]
    path.mkdir()
    recipe = load_recipe("demo", settings, to_build=False)
    (path / RECIPE).write_text(recipe.to_yaml())
    (path / LABELS).write_text("\n".join(labels) + "\n", encoding="utf-8")
    keras.utils.set_random_seed(0)
    model = create_model("tiny", input_shape=shape, classes=len(labels), **options)
    unlike_initial(model)
    model.save(path / MODEL)
    return ModelFolder.open(path)


def unlike_initial(model):
    """Give batch normalizations statistics, and the classifier opinions."""
    rng = np.random.default_rng(0)
    for layer in flatten_layers(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(rng.normal(0, 0.3, layer.moving_mean.shape))
            layer.moving_variance.assign(rng.uniform(0.5, 2, layer.moving_mean.shape))
    # Logits of about 1, so that no probability is all but 0 or 1.
    classifier = model.layers[-1]
    images = rng.uniform(-1, 1, (8, *model.input_shape[1:])).astype("float32")
    spread = keras.Model(model.input, classifier.input)(images).numpy().std()
    shape = classifier.kernel.shape
    classifier.kernel.assign(rng.normal(0, 1 / spread, shape) / np.sqrt(shape[0]))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """An untrained model of colour images in seven classes."""
    return make_folder(tmp_path_factory.mktemp("runs") / "untrained")


@pytest.fixture(scope="session")
def saved_model(folder, tmp_path_factory):
    """Its export. Tests must not write to it."""
    return export(folder, tmp_path_factory.mktemp("served") / "small" / "1")


@pytest.fixture(scope="session")
def signatures(saved_model):
    return tf.saved_model.load(str(saved_model)).signatures


@pytest.fixture(scope="session")
def image_bytes(pictures):
    """The bytes of five pictures of unlike sizes."""
    return [path.read_bytes() for path in pictures]
