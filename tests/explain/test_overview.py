"""`masks` and `explain` draw the same values."""

import keras
import numpy as np

from keras_resattn.explain import image_page
from keras_resattn.explain import overview
from keras_resattn.explain import write_explanations


def drawn(monkeypatch, module):
    """Return a list that gets what each attention figure of a module shows."""
    calls, draw = [], module.attention_figure

    def figure(images, amplification, patterns, titles, scales):
        calls.append((amplification, patterns, scales))
        return draw(images, amplification, patterns, titles, scales)

    monkeypatch.setattr(module, "attention_figure", figure)
    return calls


def test_the_first_figures_of_both_commands_show_the_same(
    model_folder, pictures, tmp_path, monkeypatch
):
    pages, overviews = (drawn(monkeypatch, m) for m in (image_page, overview))
    write_explanations(model_folder, pictures, tmp_path)
    images = model_folder.images(pictures)
    inputs = model_folder.preprocessing.standardize(images)
    titles = [path.name for path in pictures]
    assert list(overview.overview_figures(model_folder.model, images, inputs, titles))
    assert len(pages) == len(overviews) == len(pictures)
    for page, other in zip(pages, overviews, strict=True):
        keras.tree.map_structure(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5, equal_nan=True),
            *([*map(np.asarray, keras.tree.flatten(one[:1]))] for one in (page, other)),
        )
        assert page[2].keys() == other[2].keys()
        for name in page[1]:
            a, b = page[1][name], other[1][name]
            np.testing.assert_allclose(a.maps, b.maps, atol=1e-4)
            np.testing.assert_allclose(a.basis.shares, b.basis.shares, atol=1e-4)
            np.testing.assert_allclose(page[2][name][:2], other[2][name][:2], atol=1e-4)
