import numpy as np
import pytest
import tensorflow as tf

from keras_resattn.export import contract
from keras_resattn.export import export


@pytest.fixture(scope="module")
def saved_model(model_folder, tmp_path_factory):
    return export(model_folder, tmp_path_factory.mktemp("served") / "small" / "1")


@pytest.fixture(scope="module")
def signatures(saved_model):
    return tf.saved_model.load(str(saved_model)).signatures


def image_bytes(paths):
    return tf.constant([path.read_bytes() for path in paths])


def test_signatures_are_the_contract(signatures):
    outputs = {"probabilities", "top_k_labels", "top_k_probabilities"}
    inputs = {
        name: signature.structured_input_signature[1]
        for name, signature in signatures.items()
    }
    assert set(inputs) == {contract.SERVING_DEFAULT, contract.PREDICT_IMAGES}
    (spec,) = inputs[contract.SERVING_DEFAULT].values()
    assert (spec.name, spec.dtype, spec.shape.as_list()) == (
        "image_bytes",
        tf.string,
        [None],
    )
    (spec,) = inputs[contract.PREDICT_IMAGES].values()
    assert (spec.name, spec.dtype) == ("images", tf.float32)
    assert spec.shape.as_list() == [None, None, None, 3]
    for signature in signatures.values():
        assert set(signature.structured_outputs) == outputs


def test_bytes_give_what_the_model_folder_predicts(signatures, model_folder, pictures):
    answer = signatures["serving_default"](image_bytes=image_bytes(pictures))
    expected = model_folder.predict(pictures)
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)


def test_pixels_give_what_the_bytes_give(signatures, pictures):
    for path in pictures:
        pixels = tf.cast(tf.io.decode_image(path.read_bytes())[None], tf.float32)
        by_pixels = signatures["predict_images"](images=pixels)
        by_bytes = signatures["serving_default"](image_bytes=image_bytes([path]))
        np.testing.assert_allclose(
            by_pixels["probabilities"], by_bytes["probabilities"], atol=1e-5
        )


def test_top_k_is_sorted_and_named(signatures, model_folder, pictures):
    answer = signatures["serving_default"](image_bytes=image_bytes(pictures))
    probabilities = answer["probabilities"].numpy()
    order = np.argsort(-probabilities, axis=1)
    labels = np.array(model_folder.labels)[order]
    np.testing.assert_array_equal(answer["top_k_labels"].numpy().astype(str), labels)
    np.testing.assert_array_equal(
        answer["top_k_probabilities"], -np.sort(-probabilities, axis=1)
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
def test_a_path_without_a_version_is_an_error(model_folder, tmp_path, version):
    with pytest.raises(ValueError, match=f"integer version.*Received: .*{version}"):
        export(model_folder, tmp_path / "small" / version)
    assert list(tmp_path.iterdir()) == []


def test_a_version_in_use_is_never_overwritten(model_folder, tmp_path):
    path = tmp_path / "small" / "1"
    path.mkdir(parents=True)
    (path / "saved_model.pb").write_bytes(b"in use")
    with pytest.raises(FileExistsError, match="next number. Received"):
        export(model_folder, path)
    assert (path / "saved_model.pb").read_bytes() == b"in use"


def test_nothing_is_left_beside_the_version(saved_model):
    assert [path.name for path in saved_model.parent.iterdir()] == ["1"]
