"""How nested networks are made flat: calls, structures, copies, and refusals."""

import gc
import weakref

import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn.views.flat import flat_copy
from keras_resattn.views.flat import flattened
from tests.views import nested
from tests.views.nested import arrays
from tests.views.nested import check_same
from tests.views.nested import run


def batch_norm_network():
    x = keras.Input((4,))
    unit = keras.layers.BatchNormalization(name="norm")
    return keras.Model(x, unit(keras.layers.Dense(4, name="dense")(x)), name="inner")


class Hiding(keras.layers.Layer):
    """A layer whose `call` has no argument `training`, and whose inner layer has."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.norm = keras.layers.BatchNormalization()

    def build(self, input_shape):
        self.norm.build(input_shape)

    def call(self, inputs):
        return self.norm(inputs)


@pytest.mark.parametrize("mode", [None, False, True])
@pytest.mark.parametrize("outer", [None, False, True])
@pytest.mark.parametrize("hiding", [False, True])
def test_the_training_mode_of_a_call_is_kept(mode, outer, hiding):
    x = keras.Input((4,))
    inner = batch_norm_network()
    if hiding:
        inner = keras.Model(inner.input, Hiding(name="hiding")(inner.output), name="h")
    middle = keras.Sequential([keras.Input((4,)), inner])
    model = keras.Model(x, middle(x, training=mode))
    values = np.random.default_rng(0).random((8, 4), "float32")
    flat = flattened(model)
    state = model.get_weights()
    right = arrays(model(values, training=outer))
    model.set_weights(state)
    np.testing.assert_allclose(arrays(flat(values, training=outer)), right, atol=1e-6)


def test_several_inputs_and_outputs_keep_their_structure():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    add, shared = keras.layers.Add(name="add"), keras.layers.Dense(3, name="shared")
    outputs = {"sum": add([shared(a), shared(b)]), "a": a, "twice": shared(shared(a))}
    inner = keras.Model({"a": a, "b": b}, outputs, name="inner")
    x, y = keras.Input((3,), name="x"), keras.Input((3,), name="y", dtype="int32")
    found = inner({"b": y, "a": x})
    model = keras.Model([x, y], [found["twice"], {"s": found["sum"], "x": found["a"]}])
    given = np.ones((2, 3), "float32"), np.arange(6, dtype="int32").reshape(2, 3)
    check_same(run(flattened(model), *given), run(model, *given))
    assert [type(x) for x in flattened(model).output] == [type(x) for x in model.output]
    copy = flat_copy(model)
    check_same(run(copy, *given), run(model, *given))
    assert not {id(w) for w in copy.weights} & {id(w) for w in model.weights}


def test_preprocessing_that_follows_from_weights_is_copied():
    inner = batch_norm_network()
    x = keras.Input((4,))
    model = keras.Model(x, inner(keras.layers.Normalization(name="n")(x)))
    model.layers[1].adapt(np.random.default_rng(0).random((8, 4)) * 9)
    values = np.random.default_rng(1).random((2, 4), "float32")
    copy = keras_resattn.fold_batch_norm(model)
    np.testing.assert_allclose(run(copy, values), run(model, values), atol=1e-5)


# === What is refused, and what stays ===


class Subclassed(keras.Model):
    def __init__(self, network, **kwargs):
        super().__init__(**kwargs)
        self.network = network

    def call(self, inputs):
        return self.network(inputs)


@pytest.mark.parametrize("view", ["attention_masks", "feature_maps", "with_masks"])
@pytest.mark.parametrize("kind", ["TimeDistributed", "Subclassed"])
def test_a_network_that_the_graph_does_not_reach_is_refused_by_name(pair, view, kind):
    if kind == "TimeDistributed":
        frames = keras.Input((2, *nested.shape(16, 16)))
        layer = keras.layers.TimeDistributed(pair[0], name="film")
    else:
        frames = keras.Input(nested.shape(16, 16))
        layer = Subclassed(pair[0], name="film")
    model = keras.Model(frames, layer(frames))
    arguments = [model, "ones"] if view == "with_masks" else [model]
    with pytest.raises(ValueError, match=f"{kind} layer 'film'.*Received: model="):
        getattr(keras_resattn, view)(*arguments)


@pytest.mark.parametrize(
    "bad", [None, keras.Sequential([keras.layers.Dense(1)]), keras.layers.Dense(1)]
)
def test_a_model_without_a_graph_is_refused(bad):
    for view in (keras_resattn.complexity, keras_resattn.fold_batch_norm):
        with pytest.raises(ValueError, match="begins with keras.Input. Received: mod"):
            view(bad)


def test_a_layer_that_is_called_with_two_masks_is_refused():
    fusion = keras_resattn.layers.AttentionResidualLearning(name="module_residual")
    x, y = keras.Input((4,)), keras.Input((4,))
    model = keras.Model([x, y], fusion([fusion([x, x]), y]))
    with pytest.raises(ValueError, match="'module_residual' is called more than once"):
        keras_resattn.attention_masks(model)


def test_a_flat_model_is_not_changed():
    model = nested.backbone()
    assert flattened(model) is model


def test_a_flat_graph_is_made_once_and_does_not_keep_its_model_alive(parts):
    model = nested.called(*parts)
    assert flattened(model) is flattened(model)
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None


def test_a_sequential_model_that_grows_is_flattened_again(parts):
    model = keras.Sequential([parts[0], keras.layers.Dense(3, name="first")])
    assert flattened(model).layers[-1].name == "first"
    model.add(keras.layers.Dense(2, name="second"))
    assert flattened(model).layers[-1].name == "second"
