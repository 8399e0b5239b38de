"""What a model must be, however it is opened."""

import numpy as np

MEAN = {"mean": 127.5, "std": 127.5}
LABELS = ["bright", "dark"]


def facts(source):
    settings = source.recipe.preprocessing
    return {"mean": settings.mean, "std": settings.std, "labels": LABELS} | {
        "resize": settings.resize
    }


def same(model, source, pictures):
    assert model.labels == source.labels == tuple(LABELS)
    np.testing.assert_allclose(
        model.predict(pictures), source.predict(pictures), atol=1e-6
    )
