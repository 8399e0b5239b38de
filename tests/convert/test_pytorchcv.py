import keras
import numpy as np
import pytest
import safetensors.numpy

import keras_resattn
from keras_resattn.compatibility import pytorchcv
from keras_resattn.convert.folder import write_model_folder
from keras_resattn.convert.pytorchcv import assign
from keras_resattn.convert.pytorchcv import convert_pytorchcv
from keras_resattn.convert.pytorchcv import tensors
from tests.convert import golden


@pytest.fixture(scope="module")
def drawn():
    return golden.load()


@pytest.fixture(scope="module")
def state_file(drawn, tmp_path_factory):
    path = tmp_path_factory.mktemp("state") / "resattnet56.safetensors"
    safetensors.numpy.save_file(drawn[0], path)
    return path


@pytest.fixture(scope="module")
def converted(state_file):
    return convert_pytorchcv(state_file, "Attention56", classifier_activation=None)


@pytest.fixture
def small():
    """A small network of theirs, and a state dict that fits it."""
    stages = [keras_resattn.Stage(8, 1, 1, mask_depth=2)]
    model = pytorchcv.network(stages, input_shape=(32, 32, 3), classes=4)
    state = {"features.init_block.conv.bn.num_batches_tracked": np.int64(7)}
    for seed, (variable, name, axes) in enumerate(tensors(model)):
        weight = np.random.RandomState(seed).rand(*variable.shape)
        state[name] = weight.transpose(np.argsort(axes)).astype("float32")
    return model, state


def outputs_of(model, images):
    """Return a model's logits and masks by their names."""
    masks = keras_resattn.attention_masks(model).output
    outputs = keras.Model(model.input, {"logits": model.output, **masks})
    return outputs.predict(images, verbose=0)


def check_equal(outputs, expected):
    assert outputs.keys() == expected.keys()
    errors = {name: np.abs(outputs[name] - x).max() for name, x in expected.items()}
    assert {name: e for name, e in errors.items() if not e <= 1e-4} == {}


def test_logits_and_masks_are_those_of_pytorchcv(converted, drawn):
    _, images, expected = drawn
    outputs = outputs_of(converted, images)
    check_equal(
        {n: x if n == "logits" else golden.sample(x) for n, x in outputs.items()},
        expected,
    )


@pytest.mark.one_backend
def test_the_tolerance_can_fail(converted, drawn):
    _, images, expected = drawn
    exact = keras_resattn.Attention56(classifier_activation=None)
    exact.set_weights(converted.get_weights())
    logits = exact.predict(images, verbose=0)
    assert np.abs(logits - expected["logits"]).max() > 100 * 1e-4
    assert all(np.ptp(x) > 0.3 for x in expected.values())


def test_every_weight_has_its_place(converted, drawn):
    names = [name for _, name, _ in tensors(converted)]
    assert sorted(names) == sorted(drawn[0])
    paths = {variable.path for variable, _, _ in tensors(converted)}
    assert paths == {weight.path for weight in converted.weights}


def test_weights_go_where_their_names_say(small):
    model, state = small
    assign(model, state)
    for variable, name, axes in tensors(model):
        weight = keras.ops.convert_to_numpy(variable)
        np.testing.assert_array_equal(weight.transpose(np.argsort(axes)), state[name])


@pytest.mark.one_backend
def test_what_does_not_fit_is_listed_and_nothing_assigned(small):
    model, state = small
    before = model.get_weights()
    del state["output.bias"], state["features.post_activ.bn.running_var"]
    state["features.stage1.unit3.extra"] = np.zeros(3)
    state["output.weight"] = state["output.weight"][:, :5]
    with pytest.raises(ValueError) as error:
        assign(model, state)
    assert (
        "missing: features.post_activ.bn.running_var, output.bias. "
        "left over: features.stage1.unit3.extra. "
        "of another shape: output.weight (4, 5) instead of (4, 8)."
    ) in str(error.value)
    for weight, same in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, same)


@pytest.mark.one_backend
def test_the_error_names_the_file(tmp_path):
    path = tmp_path / "other.safetensors"
    state = {"fc.weight": np.zeros((2, 3)), "output.weight": np.zeros((7, 2048))}
    safetensors.numpy.save_file(state, path)
    with pytest.raises(ValueError, match="left over: fc.weight.*Received: path=.*saf"):
        convert_pytorchcv(path, "attention56", input_shape=(64, 64, 3))


@pytest.mark.one_backend
def test_an_unknown_network_is_an_error(state_file):
    with pytest.raises(ValueError, match="'Attention92'.*Received: network='vgg16'"):
        convert_pytorchcv(state_file, "vgg16")


# === With PyTorch and pytorchcv, which are not needed for the tests above ===


@pytest.mark.needs_torch
@pytest.mark.parametrize(
    "size", [224, pytest.param(222, marks=pytest.mark.one_backend)]
)
def test_a_checkpoint_gives_what_pytorchcv_gives(drawn, tmp_path, size):
    """Their network takes 221 to 224 too, where its stem pools odd maps."""
    import torch
    from pytorchcv.models.resattnet import resattnet56

    from tests.convert.make_golden import run

    weights = golden.draw({n: x.shape for n, x in drawn[0].items()}, seed=size)
    images = golden.draw_images(seed=size, count=2)[:, :size, :size]
    network = resattnet56()
    expected = run(network, weights, images)
    state = torch.nn.DataParallel(network).state_dict()
    torch.save(
        {"epoch": 9, "arch": "resattnet56", "state_dict": state}, tmp_path / "c.pth"
    )
    model = convert_pytorchcv(
        tmp_path / "c.pth", "attention56", (size, size, 3), classifier_activation=None
    )
    check_equal(outputs_of(model, images), expected)


@pytest.mark.slow
def test_the_stored_outputs_are_those_of_pytorchcv(drawn):
    import torch
    from pytorchcv.models.resattnet import resattnet56

    from tests.convert.make_golden import run

    weights, images, expected = drawn
    outputs = run(resattnet56(), weights, images, torch.float64)
    check_equal(
        {n: x if n == "logits" else golden.sample(x) for n, x in outputs.items()},
        expected,
    )


@pytest.mark.needs_torch
@pytest.mark.one_backend
def test_the_larger_network_with_classes_and_channels_of_its_file(tmp_path):
    import torch
    from pytorchcv.models.resattnet import resattnet92

    network = resattnet92(num_classes=5, in_channels=1).eval()
    torch.save(network.state_dict(), tmp_path / "state.pt")
    model = convert_pytorchcv(tmp_path / "state.pt", "ATTENTION92")
    assert model.input_shape == (None, 224, 224, 1)
    assert model.output_shape == (None, 5)
    x = golden.draw_images(0)[..., :1]
    with torch.no_grad():
        logits = network(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()))
    expected = torch.softmax(logits, dim=1).numpy()
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-4)


def test_a_softmax_is_added_to_logits(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(3))
    with pytest.warns(UserWarning, match="a softmax was added"):
        folder = write_model_folder(model, tmp_path / "folder")
    probabilities = folder.model.predict(np.ones((2, 8, 8, 3)))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
