import gc

import keras
import pytest


@pytest.fixture
def a_fresh_start():
    """Begin each test from one seed, and leave nothing of its models behind."""
    keras.utils.set_random_seed(0)
    yield
    keras.utils.clear_session()
    gc.collect()  # The graphs of hundreds of networks would take gigabytes.


@pytest.fixture
def channels_first():
    """Return a function that puts Keras into channels-first."""
    before = keras.config.image_data_format()
    yield lambda: keras.config.set_image_data_format("channels_first")
    keras.config.set_image_data_format(before)
