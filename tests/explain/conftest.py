import numpy as np
import pytest


@pytest.fixture(scope="session")
def inputs(model_folder, pictures):
    """Five pictures as the model of the small recipe takes them."""
    images = model_folder.images(pictures)
    return np.asarray(model_folder.preprocessing.standardize(images))
