import keras
import pytest

from tests.views import nested


@pytest.fixture(scope="module")
def parts():
    keras.utils.set_random_seed(0)
    head = keras.layers.Dense(nested.CLASSES, "softmax", name="predictions")
    return nested.backbone(), head


@pytest.fixture(scope="module")
def pair():
    return nested.backbone("left"), nested.backbone("right_one")
