"""TensorFlow's errors as clients see them."""

import pytest
import tensorflow as tf

from keras_resattn_server.wire.status import ServingError
from keras_resattn_server.wire.status import from_op_error

GIF_NODES = "\n\t [[cond/then/_20/PartitionedCall]]\n\t [[map/while/PartitionedCall]]"


@pytest.mark.parametrize(
    "message, expected",
    [
        (
            "assertion failed: [Element 3 of image_bytes is empty; give an image]",
            "The image could not be decoded. Element 3 of image_bytes is empty; give "
            "an image",
        ),
        ("assertion failed: [x must be >= 0] [x = ] [-1]", "x must be >= 0 x =  -1"),
        (
            f"Invalid GIF data (size 9), failed to slurp gif file{GIF_NODES}",
            "The image could not be decoded. Invalid GIF data (size 9), failed to "
            "slurp gif file",
        ),
        (
            f"Could not parse example input, value: '{'a b' * 1000}'\n\t [[{{{{x}}}}]]",
            f"Could not parse example input, value: '{('a b' * 40)[:100]}...'",
        ),
        ("the shapes [[2]] and [[3]] differ", "the shapes [[2]] and [[3]] differ"),
    ],
)
def test_kernel_errors_are_plain_and_short(message, expected):
    error = tf.errors.InvalidArgumentError(None, None, message)
    assert from_op_error(error).message == expected


def test_an_error_has_a_longest_word_and_a_longest_text():
    assert ServingError("x " + "y" * 101).message == "x " + "y" * 100 + "..."
    assert ServingError("x " + "y" * 100).message == "x " + "y" * 100
    assert len(ServingError("word " * 1000).message) == 2048 + len("...")


@pytest.mark.parametrize("part", [" [Op:", "[[{{", " [Op:x] name: ", "value: '", "/-"])
def test_parts_that_a_client_chose_take_no_long_time(part):
    # Minutes, if the time grew with the square of the size.
    error = tf.errors.InvalidArgumentError(None, None, part * 300_000)
    assert len(from_op_error(error).message) <= 2048 + len("...")
