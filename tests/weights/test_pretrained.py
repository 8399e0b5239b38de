"""Weights by name: packed by the script, found, checked, loaded, fine-tuned."""

import functools
import importlib.util
import json
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn import data
from keras_resattn import zoo
from keras_resattn.builder.documentation import Documentation
from keras_resattn.builder.named import named
from keras_resattn.builder.signatures import attention_network
from keras_resattn.model_folder import ModelFolder
from keras_resattn.recipes.files import load_recipe
from keras_resattn.training.evaluation import Evaluation
from keras_resattn.weights import load_weights
from keras_resattn.weights import save_packed
from keras_resattn.weights import table

SCRIPT = Path(__file__).parents[2] / "scripts" / "pack_weights.py"


def tool():
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def small(name="small"):
    return named(
        attention_network,
        functools.partial(keras_resattn.ResidualAttentionNetwork, default_size=16),
        name,
        Documentation(
            path="tests.Small",
            title="A small network",
            text="For tests.",
            reference="none.",
        ),
        classes=2,
        stages=(keras_resattn.Stage(16, 2, modules=1, mask_depth=1),),
        stem="cifar",
    )


@pytest.fixture(scope="module")
def network():
    """A network by name, in the zoo."""
    zoo.NETWORKS["small"] = zoo.ModelInfo(small(), 0, 0, 16, 2)
    yield zoo.NETWORKS["small"].network
    del zoo.NETWORKS["small"]


@pytest.fixture(scope="module")
def run(network, photos, tmp_path_factory):
    """The model folder of an untrained network."""
    folder = tmp_path_factory.mktemp("runs")
    settings = [f"data.name={photos}", "network.name=small", "network.weights=null"]
    recipe = load_recipe("folder", [*settings, "network.input_shape=[16, 16, 3]"])
    keras.utils.set_random_seed(1)
    network().save(folder / "model.keras")
    (folder / "recipe.yaml").write_text(recipe.to_yaml())
    (folder / "labels.txt").write_text("bright\ndark\n")
    (folder / "metrics.csv").write_text("epoch,loss\n0,1.5\n")
    return folder


@pytest.fixture(scope="module")
def packed(run, photos, tmp_path_factory):
    """The facts of its weights, in a table of their own."""
    folder = tmp_path_factory.mktemp("weights")
    (folder / "table.json").write_text("[]")
    script = tool()
    if keras.backend.backend() != "tensorflow":  # which evaluation is for
        results = Evaluation(str(photos), 4, 0.7, 0.5, [[1, 1], [1, 1]])
        script.evaluate = lambda _: results
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "FOLDER", folder)
        yield script.pack(run, "photos")


@pytest.fixture(scope="module")
def model(network, packed):
    return network(weights="photos", classifier_activation=None)


def arrays(model):
    return [keras.ops.convert_to_numpy(weight) for weight in model.weights]


def test_weights_by_name_are_those_of_the_run_to_half_precision(model, run):
    trained = keras.saving.load_model(run / "model.keras", compile=False)
    for ours, theirs in zip(arrays(model), arrays(trained), strict=True):
        assert ours.dtype == "float32"
        half = theirs.astype("float16").astype("float32")
        np.testing.assert_array_equal(ours, half if theirs.ndim > 1 else theirs)


def test_the_facts_are_measured_and_the_files_beside(packed, run, photos):
    folder = table.FOLDER / packed.folder
    stored = table.weights_info("small", "photos")
    assert json.dumps(stored) == json.dumps(packed)
    assert (folder / "weights.npz").stat().st_size == packed.size
    assert (folder / "metrics.csv").read_bytes() == (run / "metrics.csv").read_bytes()
    assert "Apache License" in (folder / "LICENSE").read_text()
    assert load_recipe(folder / "recipe.yaml").network.input_shape == (16, 16, 3)
    assert str(photos.parent) not in (folder / "recipe.yaml").read_text()
    results = (folder / "evaluation.json").read_text()
    assert str(photos.parent) not in results
    assert json.loads(results)["accuracy"] == packed.accuracy


@pytest.mark.one_backend
def test_the_accuracy_is_that_of_the_packed_weights(packed, model, run):
    folder = ModelFolder.open(run)
    test = data.load(folder.recipe.data.name, folder.preprocessing).test
    images = [folder.preprocessing.resize(image) for image, _ in test.images]
    truth = [int(label) for _, label in test.images]
    x = folder.preprocessing.standardize(np.stack(images)).numpy()
    right = model.predict(x, verbose=0).argmax(axis=-1) == truth
    assert (packed.accuracy, packed.test_images) == (right.mean(), len(truth))


def test_the_logits_are_those_in_the_table(model, packed):
    np.testing.assert_allclose(logits(model, packed), packed.logits, atol=1e-3)


def logits(model, info):
    images = tool().synthetic_images(info.input_shape)
    x = (images - np.float32(info.mean)) / np.float32(info.std)
    return model.predict(x, verbose=0)


def test_another_number_of_classes_and_size_keep_the_body(network, model):
    with pytest.warns(UserWarning, match="3 classes and that of the weights 2:.*ran"):
        tuned = network(weights="photos", classes=3, input_shape=(20, 24, 3))
    for ours, theirs in zip(arrays(tuned)[:-2], arrays(model)[:-2], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert arrays(tuned)[-1].shape == (3,)


def test_without_a_classifier_the_body_is_loaded(network, model):
    body = network(weights="photos", include_top=False, pooling="max")
    assert body.output_shape == (None, 16)
    for ours, theirs in zip(arrays(body), arrays(model)[:-2], strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.one_backend
@pytest.mark.parametrize(
    "key, other",
    [
        ("attention", "naive"),
        ("mask_structure", "local"),
        ("p", 2),
        ("t", 1),
        ("r", 3),
        ("unit", "inception"),
        ("width_multiplier", 0.5),
    ],
)
def test_weights_of_another_architecture_are_an_error(network, packed, key, other):
    with pytest.raises(
        ValueError, match=f"trained with {key}=.*Use this.*Received: {key}={other!r}"
    ):
        network(weights="photos", **{key: other})


def test_regularization_does_not_change_which_weights_fit(network, model):
    regularized = network(
        weights="photos",
        classifier_activation=None,
        stochastic_depth=0.5,
        dropout=0.5,
        remat=True,
    )
    x = np.random.default_rng(0).random((2, 16, 16, 3), "float32")
    np.testing.assert_allclose(
        regularized.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-5
    )


@pytest.mark.one_backend
def test_an_unknown_name_is_an_error_that_lists_the_known(network, packed):
    known = "The package has the weights 'photos' for 'small'. Received: weights=cifar"
    with pytest.raises(ValueError, match=known):
        network(weights="cifar")
    known = (
        "no ImageNet weights.*The package has no weights for 'attention56'. Received"
    )
    with pytest.raises(ValueError, match=known):
        keras_resattn.Attention56(weights="imagenet")
    known = "the package has the weights 'photos' for it. Received: 'cifar'"
    with pytest.raises(ValueError, match=known):
        table.weights_info("small", "cifar")


@pytest.mark.one_backend
def test_documentation_names_the_weights(packed):
    assert 'by name `"photos"`' in small("small").__doc__
    assert "by name" not in small("other").__doc__


@pytest.mark.one_backend
def test_packing_without_the_test_images_changes_nothing(packed, run, tmp_path):
    before = (table.FOLDER / "table.json").read_text()
    recipe = load_recipe(run / "recipe.yaml", ["data.name=mnist"])
    other = tmp_path / "run"
    other.mkdir()
    for file in run.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    (other / "recipe.yaml").write_text(recipe.to_yaml())
    with pytest.raises(SystemExit, match="'mnist' is not in .* yet"):
        tool().main([str(other), "--name", "photos", "--data-dir", str(tmp_path)])
    assert (table.FOLDER / "table.json").read_text() == before
    assert (table.FOLDER / packed.file).is_file()


@pytest.mark.one_backend
def test_a_damaged_file_is_an_error(packed, network, monkeypatch, tmp_path):
    copy = tmp_path / packed.file
    copy.parent.mkdir()
    copy.write_bytes((table.FOLDER / packed.file).read_bytes()[:-1])
    (tmp_path / "table.json").write_text(json.dumps([packed._asdict()]))
    monkeypatch.setattr(table, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match="missing or damaged.*Received: .*npz"):
        network(weights="photos")


@pytest.mark.one_backend
def test_what_does_not_fit_is_named_and_nothing_is_loaded(packed, model, tmp_path):
    with np.load(table.FOLDER / packed.file) as file:
        stored = {name: array + 1 for name, array in file.items()}
    stored["other/0_kernel"] = stored.pop("stem_conv/0_kernel")
    stored["stem_bn/1_beta"] = stored["stem_bn/1_beta"][:5]
    np.savez(tmp_path / "wrong.npz", **stored)
    before = arrays(model)
    named = (
        r"missing: stem_conv/0_kernel; left over: other/0_kernel; of another shape: "
        r"stem_bn/1_beta \(5,\) instead of \(16,\).*Received: weights="
    )
    with pytest.raises(ValueError, match=named):
        load_weights(model, tmp_path / "wrong.npz")
    for now, array in zip(arrays(model), before, strict=True):
        np.testing.assert_array_equal(now, array)


@pytest.mark.one_backend
def test_a_file_of_other_things_is_an_error(model, tmp_path):
    (tmp_path / "text.npz").write_text("no weights")
    np.savez(tmp_path / "pickled.npz", objects=np.array([{}]))
    for name in ("text", "pickled"):
        with pytest.raises(ValueError, match="do not fit.*Received: weights="):
            load_weights(model, tmp_path / f"{name}.npz")


@pytest.mark.one_backend
def test_weights_beyond_half_precision_are_not_packed(network, tmp_path):
    model = network()
    model.get_layer("stem_conv").kernel.assign(
        model.get_layer("stem_conv").kernel * 1e6
    )
    with pytest.raises(ValueError, match="Received: stem_conv/0_kernel of 'small'"):
        save_packed(model, tmp_path / "model.npz")
    assert not (tmp_path / "model.npz").exists()


@pytest.mark.parametrize(
    "options, kind",
    [
        ({"attention": "naive"}, "NaiveAttentionLearning"),
        ({"mask_activation": "channel"}, r"SoftMaskBranch\(channel\)"),
    ],
)
def test_a_keras_file_of_other_masks_is_an_error(network, tmp_path, options, kind):
    network(**options).save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match=f"attention modules have {kind} in place of"):
        network(weights=tmp_path / "other.keras")
    again = network(weights=tmp_path / "other.keras", **options)
    assert again.count_params() == network().count_params()
