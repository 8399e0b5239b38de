import pytest

from tests.conftest import in_zoo
from tests.training.recipes import changed


@pytest.fixture(scope="session")
def small_recipe(small_recipe):
    """Return the small recipe with a network of two units, without attention.

    How a run is trained does not depend on the layers, and a step of these is built in
    a tenth of the time.
    """
    from keras_resattn import Stage

    with in_zoo("two_units", (Stage(8, 1, 0), Stage(16, 2, 0))):
        yield changed(small_recipe, {"network.name": "two_units"})


# Not that of the other tests: a fixture is made once, with the recipe of its first use.
@pytest.fixture(scope="session")
def model_folder(small_recipe, tmp_path_factory):
    """Return a model folder of the small recipe. Tests must not write to it."""
    from keras_resattn import training

    out = tmp_path_factory.mktemp("runs") / "small"
    return training.fit(small_recipe, out, callbacks=[])
