"""The text proto of batching parameters."""

import pytest

from keras_resattn_server.running.batching_parameters import BatchingParameters


def test_the_file_of_parameters_is_read_as_tensorflow_serving_reads_it(tmp_path):
    file = tmp_path / "batching.config"
    file.write_text(
        """
        max_batch_size { value: 32 }
        batch_timeout_micros { value: 0 }
        max_enqueued_batches { value: 100 }
        num_batch_threads { value: 3 }
        thread_pool_name { value: "pool" }  # a comment
        allowed_batch_sizes: 8
        allowed_batch_sizes: 32
        pad_variable_length_inputs: true
        """
    )
    assert BatchingParameters.read(file) == BatchingParameters(
        max_batch_size=32,
        max_enqueued_batches=100,
        num_batch_threads=3,
        thread_pool_name="pool",
        allowed_batch_sizes=(8, 32),
        pad_variable_length_inputs=True,
    )
    file.write_text("")
    assert BatchingParameters.read(file) == BatchingParameters()


@pytest.mark.parametrize(
    "text, message",
    [
        ("max_batch_sise { value: 1 }", "BatchingParameters"),
        ("max_batch_size { value: 0 }", "max_batch_size must be positive"),
        ("batch_timeout_micros { value: -1 }", "must not be negative"),
        ("allowed_batch_sizes: 8", "last entry was 8; expected 1000"),
        (
            "max_batch_size { value: 8 } allowed_batch_sizes: [8, 4]",
            "monotonically increasing",
        ),
    ],
)
def test_a_wrong_file_of_parameters_is_named(tmp_path, text, message):
    file = tmp_path / "batching.config"
    file.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        BatchingParameters.read(file)
    assert str(file) in str(caught.value)


def test_a_missing_file_of_parameters_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        BatchingParameters.read(tmp_path / "nowhere")
