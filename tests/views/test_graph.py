"""What Keras does not promise is used in one module, and is there."""

import ast
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn.views import graph

ROOT = Path(keras_resattn.__file__).parent.parent
PACKAGES = (
    "keras_resattn",
    "keras_resattn_cli",
    "keras_resattn_client",
    "keras_resattn_server",
)
# Private by its name, but documented: of named tuples, and of the module `os`.
PROMISED = {"_asdict", "_exit", "_fields", "_make", "_replace"}
GENERATED = "_pb2.py"


def model():
    x = keras.Input((3,))
    return keras.Model(x, keras.layers.BatchNormalization()(x))


def compiled():
    network = model()
    network.compile("sgd", "mse")
    return network


# Each private attribute, and an object that must have it.
PRIVATE = {
    "_AUGMENT_LAYERS": keras.layers.RandAugment,
    "_flatten_layers": model,
    "_inbound_nodes": lambda: model().layers[-1],
    "_functional": lambda: keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]),
    "_get_variable_index": lambda: compiled().optimizer,
    "_keras_history": lambda: model().outputs[0],
    "_nodes_by_depth": model,
    "_non_trainable_variables": lambda: model().layers[-1],
    "_trainable_variables": lambda: model().layers[-1],
    "_moments": lambda: model().layers[-1],
    "_maybe_symbolic_build": compiled,
    "_symbolic_build": compiled,
}
# Used in training on TensorFlow.
ONE_BACKEND = pytest.param("_maybe_symbolic_build", marks=pytest.mark.one_backend)
OTHERS = sorted(PRIVATE.keys() - {"_maybe_symbolic_build"})


@pytest.mark.parametrize("attribute", [*OTHERS, ONE_BACKEND])
def test_keras_has_the_private_attribute(attribute):
    holder = PRIVATE[attribute]()
    assert hasattr(holder, attribute), (
        f"Keras {keras.__version__} has no {attribute} in {type(holder).__name__}, "
        "which keras_resattn/views/graph.py uses. Change that module for this version, "
        "or exclude the version in setup.cfg."
    )


@pytest.mark.one_backend
def test_a_node_has_what_is_used_of_it():
    network = model()
    first, last = graph.nodes_of(network)
    assert (first.is_input, last.is_input) == (True, False)
    assert last.operation is network.layers[-1]
    assert [x is network.inputs[0] for x in last.input_tensors] == [True]
    assert [x is network.outputs[0] for x in last.outputs] == [True]
    other = keras.KerasTensor((None, 3))
    args, kwargs = graph.call_arguments(last, {id(network.inputs[0]): other})
    assert args[0] is other
    assert not any(kwargs.values())


def private_attributes(path):
    """Return the private attributes of other objects that a file uses."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            of_itself = isinstance(node.value, ast.Name) and node.value.id in (
                "self",
                "cls",
            )
            of_super = ast.unparse(node.value) == "super()"
            private = node.attr.startswith("_") and not node.attr.startswith("__")
            if private and not (of_itself or of_super):
                found.add(node.attr)
        elif isinstance(node, ast.Constant) and node.value in PRIVATE:
            found.add(node.value)  # such as in hasattr
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            "keras.src"
        ):
            found.add(node.module)
    return found - PROMISED


@pytest.mark.one_backend
def test_the_table_above_is_what_the_module_uses():
    module = "keras.src.models.functional"
    assert private_attributes(Path(graph.__file__)) == {*PRIVATE, module}


@pytest.mark.one_backend
def test_no_other_module_uses_a_private_attribute_or_module_of_keras():
    used = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path == Path(graph.__file__) or path.name.endswith(GENERATED):
                continue
            if found := private_attributes(path):
                used[str(path.relative_to(ROOT))] = found
    assert used == {}


@pytest.mark.one_backend
def test_moments_are_not_replaced_where_keras_has_none():
    with pytest.raises(AttributeError, match="no _moments.*Received: keras 3"):
        graph.replace_moments(keras.layers.Dense(1), lambda inputs, mask: (0, 1))


def test_a_model_whose_call_is_its_own_is_not_entered():
    class Doubled(type(model())):
        def call(self, inputs, training=None, mask=None):
            return 2 * super().call(inputs, training=training)

    x = keras.Input((3,))
    own = Doubled(x, keras.layers.Dense(2)(x))
    assert graph.is_functional(own)
    assert not graph.is_network(own)
    assert graph.is_network(model())
    assert not graph.is_network(keras.layers.Dense(1))


def test_sublayers_are_named_by_their_attributes():
    class Unit(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.first = keras.layers.Dense(1)
            self.more = [keras.layers.Dense(2), keras.layers.Dense(3)]

    unit = Unit()
    found = {name: layer.units for name, layer in graph.named_sublayers(unit)}
    assert found == {"first": 1, "more1": 2, "more2": 3}


def test_own_variables_are_those_of_a_layer_alone_even_if_it_is_frozen():
    wrapped = keras.layers.TimeDistributed(keras.layers.Dense(2))
    wrapped.build((None, 2, 3))
    assert graph.own_variables(wrapped) == []
    norm = model().layers[-1]
    norm.trainable = False
    names = [variable.name for variable in graph.own_variables(norm)]
    assert names == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert np.shape(graph.own_variables(norm)[0]) == (3,)
