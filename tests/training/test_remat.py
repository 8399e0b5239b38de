import keras
import numpy as np

from keras_resattn.model_folder import preprocessing_of
from keras_resattn.recipes.files import load_recipe
from keras_resattn.recipes.settings import Recipe
from keras_resattn.training.build import build_model


def with_remat(recipe):
    network = recipe.network.model_copy(update={"remat": True})
    return recipe.model_copy(update={"network": network})


def test_a_recipe_says_it():
    recipe = load_recipe("demo", ["network.remat=true"])
    assert recipe.network.options() == {"remat": True}
    assert "remat" not in load_recipe("demo").network.options()
    assert Recipe(**recipe.model_dump()) == recipe


def test_the_step_of_a_recipe_is_the_same(small_recipe):
    """With the fused kernels, which normalize and multiply inside of it."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 16, 16, 3), "uint8")
    labels = np.eye(2, dtype="float32")[np.arange(6) % 2]
    found = []
    for recipe in (small_recipe, with_remat(small_recipe)):
        keras.utils.set_random_seed(0)
        network, model = build_model(recipe, preprocessing_of(recipe), 2, 10)
        losses = [model.train_on_batch(images, labels)[0] for _ in range(3)]
        found.append((losses, network.get_weights()))
    assert network.get_layer("stage1_unit1").remat
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-4)
    for a, b in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-4)
