import pytest
import tensorflow as tf

from keras_resattn_server.models.constant_kernels import KEEP_KERNELS
from keras_resattn_server.models.servable import Servable

IMAGES = tf.TensorSpec((None, 4, 4, 1), tf.float32)
ROWS = tf.TensorSpec((None, 2), tf.float32)


class Weights(tf.Module):
    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(tf.ones((2, 2, 1, 1)))
        self.matrix = tf.Variable(tf.ones((2, 2)))

    def of_a_variable(self, images):
        return tf.nn.conv2d(images, tf.cast(self.kernel * 2, "float32"), 1, "SAME")

    def of_the_input(self, images):
        kernel = tf.reshape(images[0, :2, :2], (2, 2, 1, 1))
        return tf.nn.conv2d(images, kernel, 1, "SAME")

    def of_a_function(self, images):
        convolve = tf.function(lambda x, kernel: tf.nn.conv2d(x, kernel, 1, "SAME"))
        return convolve(images, self.kernel) + convolve(images, 2 * self.kernel)

    def dense(self, rows):
        return tf.nn.bias_add(rows @ self.matrix, tf.ones(2))

    def product(self, rows):
        return rows @ (tf.transpose(rows) @ rows)

    def product_and_bias(self, rows):
        return tf.nn.bias_add(rows @ (tf.transpose(rows) @ rows), tf.ones(2))

    def bias_and_product(self, rows):
        return tf.ones(2) + rows @ (tf.transpose(rows) @ rows)


def load(tmp_path, name, spec):
    weights = Weights()
    function = tf.function(getattr(weights, name), input_signature=[spec])
    path = tmp_path / "1"
    tf.saved_model.save(weights, str(path), {"serving_default": function})
    return Servable("weights", path)


@pytest.mark.parametrize(
    ("name", "spec"),
    [("of_a_variable", IMAGES), ("dense", ROWS), ("product", ROWS)],
)
def test_constant_kernels_are_kept(monkeypatch, tmp_path, name, spec):
    monkeypatch.setenv(KEEP_KERNELS, "1")
    assert load(tmp_path, name, spec).signature("")


COMPUTED = [
    ("of_the_input", IMAGES, "Conv2D"),
    ("of_a_function", IMAGES, "Conv2D"),
    ("product_and_bias", ROWS, "MatMul"),
    ("bias_and_product", ROWS, "MatMul"),
]


@pytest.mark.parametrize(("name", "spec", "operation"), COMPUTED)
def test_a_computed_kernel_is_refused(monkeypatch, tmp_path, name, spec, operation):
    monkeypatch.setenv(KEEP_KERNELS, "1")
    message = rf"{KEEP_KERNELS}=0\. Received: the operation .*\({operation}\)"
    with pytest.raises(ValueError, match=message):
        load(tmp_path, name, spec)


@pytest.mark.parametrize(("name", "spec", "operation"), COMPUTED)
def test_it_is_served_if_kernels_are_not_kept(
    monkeypatch, tmp_path, name, spec, operation
):
    monkeypatch.setenv(KEEP_KERNELS, "0")
    assert load(tmp_path, name, spec).signature("")
