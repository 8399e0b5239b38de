import resource

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from keras_resattn.export import contract
from keras_resattn.export import export
from keras_resattn.export import measure
from tests.export.conftest import NAMES
from tests.export.conftest import make_folder

OF_BYTES = {"serving_default", "embed", "attention", "attention_overlay"}
SAME = {"probabilities", "top_k_labels", "top_k_probabilities"}
MODULES = ("stage1_attention1", "stage2_attention1")


def test_signatures_are_the_contract(signatures):
    outputs = {name: set(s.structured_outputs) for name, s in signatures.items()}
    assert outputs == {
        contract.SERVING_DEFAULT: SAME,
        contract.PREDICT_IMAGES: SAME,
        contract.CLASSIFY: {"classes", "scores"},
        contract.EMBED: {"embedding"},
        contract.ATTENTION: {"probabilities", *(f"{name}_mask" for name in MODULES)},
        contract.ATTENTION_OVERLAY: {f"{name}_overlay_bytes" for name in MODULES},
    }


def test_inputs_are_the_contract(signatures):
    inputs = {
        name: tuple(signature.structured_input_signature[1].values())
        for name, signature in signatures.items()
    }
    strings = tf.TensorSpec([None], tf.string, "image_bytes")
    assert {name for name, specs in inputs.items() if specs == (strings,)} == OF_BYTES
    assert inputs["classify"] == (tf.TensorSpec([None], tf.string, "inputs"),)
    pixels = tf.TensorSpec([None, None, None, 3], tf.float32, "images")
    assert inputs["predict_images"] == (pixels,)


def test_the_method_of_classify_is_the_one_that_tensorflow_serving_looks_for(
    saved_model,
):
    content = (saved_model / "saved_model.pb").read_bytes()
    (meta_graph,) = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    methods = {
        name: signature.method_name
        for name, signature in meta_graph.signature_def.items()
        if not name.startswith("__")
    }
    assert methods.pop("classify") == "tensorflow/serving/classify"
    assert set(methods.values()) == {"tensorflow/serving/predict"}


def test_labels_are_an_asset(saved_model):
    labels = (saved_model / "assets" / "labels.txt").read_text(encoding="utf-8")
    assert tuple(labels.splitlines()) == NAMES


def test_bytes_give_what_the_model_folder_predicts(
    signatures, folder, pictures, image_bytes
):
    answer = signatures["serving_default"](image_bytes=tf.constant(image_bytes))
    expected = folder.predict(pictures)
    assert expected.std() > 0.05
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)


def test_pixels_give_what_the_bytes_give(signatures, image_bytes):
    for item in image_bytes[:2]:
        # TensorFlow's default decodes JPEG less exactly than a viewer.
        exactly = {"dct_method": "INTEGER_ACCURATE"}
        options = exactly if tf.io.is_jpeg(item) else {}
        decode = tf.io.decode_jpeg if options else tf.io.decode_image
        pixels = tf.cast(decode(item, **options)[None], tf.float32)
        by_pixels = signatures["predict_images"](images=pixels)
        by_bytes = signatures["serving_default"](image_bytes=tf.constant([item]))
        np.testing.assert_allclose(
            by_pixels["probabilities"], by_bytes["probabilities"], atol=1e-5
        )


def test_top_k_is_sorted_and_named(signatures, image_bytes):
    answer = signatures["serving_default"](image_bytes=tf.constant(image_bytes))
    probabilities = answer["probabilities"].numpy()
    order = np.argsort(-probabilities, axis=1)[:, :5]
    expected = np.array(NAMES)[order]
    labels = [
        [label.decode() for label in row] for row in answer["top_k_labels"].numpy()
    ]
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_array_equal(
        answer["top_k_probabilities"], -np.sort(-probabilities, axis=1)[:, :5]
    )


@pytest.mark.parametrize(
    "shape", [(), (3,), (2, 2), (8, 8, 3), (1, 8, 8), (1, 8, 8, 1), (1, 1, 8, 8, 3)]
)
def test_wrong_shapes_are_refused_before_any_convolution(signatures, shape):
    with pytest.raises((tf.errors.InvalidArgumentError, TypeError, ValueError)):
        signatures["predict_images"](images=tf.zeros(shape))


def test_wrong_shapes_are_refused_by_the_graph_itself(saved_model):
    # As a server runs it: the graph is fed, no Python looks at the shapes.
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        meta_graph = tf.compat.v1.saved_model.load(session, ["serve"], str(saved_model))
        signature = meta_graph.signature_def["predict_images"]
        with pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
            session.run(
                signature.outputs["probabilities"].name,
                {signature.inputs["images"].name: [[1.0, 2.0]]},
            )


def test_bytes_that_are_no_image_are_refused(signatures):
    with pytest.raises(tf.errors.InvalidArgumentError, match="image"):
        signatures["serving_default"](image_bytes=tf.constant([b"no image"]))


@pytest.mark.parametrize("version", ["latest", "v1", "-1", "0", "1.5"])
def test_a_path_without_a_version_is_an_error(folder, tmp_path, version):
    with pytest.raises(ValueError, match=f"integer version.*Received: .*{version}"):
        export(folder, tmp_path / "small" / version)
    assert list(tmp_path.iterdir()) == []


def test_a_version_in_use_is_never_overwritten(folder, tmp_path):
    path = tmp_path / "small" / "1"
    path.mkdir(parents=True)
    (path / "saved_model.pb").write_bytes(b"in use")
    with pytest.raises(FileExistsError, match="next number. Received"):
        export(folder, path)
    assert (path / "saved_model.pb").read_bytes() == b"in use"


def test_nothing_is_left_beside_the_version(saved_model):
    assert [path.name for path in saved_model.parent.iterdir()] == ["1"]


def test_a_full_disk_leaves_nothing(folder, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises((OSError, tf.errors.OpError)):
            export(folder, tmp_path / "small" / "1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((tmp_path / "small").iterdir()) == []


def test_a_failed_measurement_leaves_nothing(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "LARGEST_FLOAT32_DIFFERENCE", -1.0)
    with pytest.raises(ValueError, match="more than rounding.*Received: a difference"):
        export(folder, tmp_path / "small" / "1")
    assert list((tmp_path / "small").iterdir()) == []


def test_a_class_without_a_name_is_an_error(tmp_path):
    folder = make_folder(tmp_path / "run", labels=("a", "", "b"))
    with pytest.raises(ValueError, match="name the class.*Received: .*line 2 empty"):
        export(folder, tmp_path / "small" / "1")
    assert not (tmp_path / "small").exists()
