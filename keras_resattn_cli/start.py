"""Import Keras without TensorFlow's messages about its build."""

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator

from keras_resattn_client.extras import require_extra

# The extras that install Keras' other backends.
EXTRAS = {"jax": "jax", "torch": "backends"}


def import_keras() -> None:
    """Import Keras and look for devices; show the messages only if that fails.

    TensorFlow's core writes notes to standard error when it is imported and
    when it looks for a GPU, whatever the value of TF_CPP_MIN_LOG_LEVEL.
    """
    extra = EXTRAS.get(os.environ.get("KERAS_BACKEND", ""))
    if extra:
        name = os.environ["KERAS_BACKEND"]
        require_extra(extra, f"KERAS_BACKEND={name}", (name,))
    if os.environ.get("KERAS_RESATTN_DEBUG"):
        return
    logging.getLogger("tensorflow").addFilter(_is_useful)
    with _standard_error_held_back():
        import tensorflow

        tensorflow.config.list_physical_devices()
        import keras_resattn  # noqa: F401


def _is_useful(record: logging.LogRecord) -> bool:
    """Return whether a message of TensorFlow is about more than repeated tracing.

    Each model is traced once. TensorFlow counts the models of one command together.
    """
    return "tf.function retracing" not in str(record.msg)


@contextlib.contextmanager
def _standard_error_held_back() -> Iterator[None]:
    sys.stderr.flush()
    standard_error = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            held_back.seek(0)
            os.write(standard_error, held_back.read())
            raise
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
