import csv

import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn.experiments import mean_response
from keras_resattn.experiments import module_outputs
from keras_resattn.experiments import response_figure
from keras_resattn.experiments import write_response
from keras_resattn.layers import attention_module

IMAGES = np.random.default_rng(0).random((5, 16, 16, 1), "float32")
BLOCKS = [
    f"stage{i}_{block}"
    for i in (1, 2)
    for block in (
        *("unit1", "attention1_pre1", "attention1_trunk", "attention1_residual"),
        "attention1_post1",
    )
]


def tiny(**options):
    keras.utils.set_random_seed(0)
    options = {"input_shape": (16, 16, 1), "classes": 4, "p": 1, **options}
    return keras_resattn.create_model("tiny", **options)


@pytest.fixture(scope="module")
def model():
    return tiny()


@pytest.fixture(scope="module")
def responses(model):
    return mean_response(model, IMAGES)


def test_every_block_has_a_response_an_image_in_the_networks_order(responses):
    assert list(responses) == BLOCKS
    for values in responses.values():
        assert values.shape == (5,) and values.dtype == "float32"


def test_it_is_the_mean_of_the_absolute_values_of_the_layers_output(model, responses):
    for block in BLOCKS[2:5]:
        output = keras.Model(model.input, model.get_layer(block).output)
        expected = np.abs(output.predict(IMAGES, verbose=0)).mean(axis=(1, 2, 3))
        np.testing.assert_allclose(responses[block], expected, rtol=1e-4)


@keras.saving.register_keras_serializable(package="tests")
class Constant(keras.layers.Layer):
    """A basic unit that gives -3, whatever it gets."""

    def __init__(self, filters, strides=1, data_format=None, **kwargs):
        super().__init__(**kwargs)

    def call(self, inputs):
        return -3 * keras.ops.ones_like(inputs)


def test_a_constant_network_has_the_response_of_its_constant():
    images = keras.Input((16, 16, 1))
    module = attention_module(images, 1, mask_depth=1, unit=Constant, name="module")
    response = mean_response(keras.Model(images, module), IMAGES)
    mask = response["module_residual"] / 3 - 1
    for block in ("module_pre1", "module_trunk", "module_post1"):
        np.testing.assert_array_equal(response[block], 3)
    assert ((0 < mask) & (mask < 1)).all()


def test_naive_attention_weakens_what_residual_attention_strengthens(responses):
    naive = mean_response(tiny(attention="naive"), IMAGES)
    before, after = "stage1_attention1_trunk", "stage1_attention1_residual"
    assert (responses[after] > responses[before]).all()
    assert (naive["stage1_attention1_naive"] < naive[before]).all()
    np.testing.assert_allclose(naive[before], responses[before], rtol=1e-4)
    # (1 + mask) * trunk is mask * trunk and the trunk.
    np.testing.assert_allclose(
        responses[after], naive["stage1_attention1_naive"] + naive[before], rtol=1e-3
    )


def test_batches_give_the_same_one_by_one(model, responses):
    for inputs in (IMAGES, iter([IMAGES[:3], IMAGES[3:]])):
        again = mean_response(model, inputs, batch_size=2)
        for block, values in responses.items():
            np.testing.assert_allclose(again[block], values, rtol=1e-4)


def test_in_training_batches_are_normalized_and_no_state_changes(model, responses):
    before = [variable.numpy() for variable in model.variables]
    trained = mean_response(model, IMAGES, training=True)
    assert list(trained) == list(responses)
    assert trained["stage1_unit1"].mean() > 1.5 * responses["stage1_unit1"].mean()
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_a_model_in_half_precision_gives_float32(responses):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = tiny()
    finally:
        keras.config.set_dtype_policy("float32")
    for block, values in mean_response(model, IMAGES).items():
        assert values.dtype == "float32"
        np.testing.assert_allclose(values, responses[block], rtol=0.03)


def test_a_module_ends_with_the_last_unit_after_its_fusion_if_there_is_one():
    blocks = [f"module_{part}" for part in ("pre1", "pre2", "naive", "post1", "post2")]
    assert module_outputs(blocks) == {"module": "module_post2"}
    assert module_outputs(["module_trunk", "module_naive"]) == {
        "module": "module_naive"
    }


def test_the_figure_shows_each_network_by_depth(responses):
    naive = {name: values / 2 for name, values in responses.items()}
    figure = response_figure({"residual": responses, "naive": naive}, title="both")
    [axis] = figure.axes
    means = [values.mean() for values in responses.values()]
    assert axis.get_yscale() == "log"
    assert axis.get_title() == "both"
    assert [text.get_text() for text in axis.get_legend().get_texts()] == [
        "residual",
        "naive",
    ]
    lines = {line.get_label(): line for line in axis.lines}
    np.testing.assert_allclose(lines["residual"].get_ydata(), means)
    np.testing.assert_allclose(lines["naive"].get_ydata(), np.array(means) / 2)
    assert lines["naive"].get_markevery() == [4, 9]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["1.1", "2.1"]
    assert axis.get_xticks().tolist() == [4, 9]
    assert [text.get_text() for text in axis.texts] == ["stage 1", "stage 2"]


def test_the_files_hold_a_row_a_block_and_the_figure(responses, tmp_path):
    write_response({"residual": responses}, tmp_path / "new")
    with (tmp_path / "new" / "response.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["block"] for row in rows] == BLOCKS
    assert [int(row["depth"]) for row in rows] == list(range(1, 11))
    assert {row["images"] for row in rows} == {"5"}
    for row, values in zip(rows, responses.values(), strict=True):
        assert float(row["mean"]) == pytest.approx(values.mean())
        assert float(row["standard_deviation"]) == pytest.approx(values.std())
    assert (tmp_path / "new" / "response.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_measured_or_drawn_is_an_error(model, responses):
    with pytest.raises(ValueError, match="this model has none.*Received: model="):
        mean_response(tiny(attention="none"), IMAGES)
    with pytest.raises(ValueError, match="at least one image. Received: no images"):
        mean_response(model, IMAGES[:0])
    with pytest.raises(ValueError, match="not standardized.*Received"):
        mean_response(model, np.full((2, *IMAGES.shape[1:]), 200, "uint8"))
    with pytest.raises(ValueError, match="one to 4 networks. Received"):
        response_figure({})
    with pytest.raises(ValueError, match="one to 4 networks. Received"):
        response_figure({str(i): responses for i in range(5)})
