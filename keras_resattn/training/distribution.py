"""Training on several devices or machines: the strategy and its consequences."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any
from typing import TypeAlias

import keras
import tensorflow as tf

from keras_resattn.training.cluster import read_cluster
from keras_resattn.training.cluster import wait_for_all

# The errors of a collective operation if one of the workers has ended.
LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.UnavailableError,
)
NAMES = ("auto", "none", "mirrored", "multiworker", "jax")


class DataParallel(keras.distribution.DataParallel):
    """`keras.distribution.DataParallel` over all devices of JAX, for any batch size.

    If a batch cannot be divided equally, each device computes the whole batch. In
    Keras this is an error. Keras asks only for the layout of the first batch of a
    data set.
    """

    def get_data_layout(
        self, data_shape: tuple[int, ...]
    ) -> keras.distribution.TensorLayout:
        layout = super().get_data_layout(data_shape)
        if data_shape[0] % count_replicas(self) == 0:
            return layout
        axes = [None] * len(data_shape)
        return keras.distribution.TensorLayout(axes, self.device_mesh)


Strategy: TypeAlias = tf.distribute.Strategy | DataParallel | None


def choose_strategy(
    name: str = "auto",
    timeout: float = 300.0,
    report: Callable[[str], object] = print,
) -> Strategy:
    """Return the strategy that divides a training over devices, by its name.

    * `"mirrored"`: the GPUs of this machine. Without GPUs: the logical CPU devices.
    * `"multiworker"`: the machines in `TF_CONFIG`.
    * `"jax"`: all devices of JAX, if Keras runs on JAX. It is set for the whole
      process until `undistribute`.
    * `"none"`: one device.
    * `"auto"`: `"multiworker"` if `TF_CONFIG` has more than one worker,
      `"mirrored"` if there are several GPUs, otherwise `"none"`.

    For several workers, this function first waits until all of them have started.
    It must run before TensorFlow computes anything.

    Example:

    >>> strategy = choose_strategy("mirrored")
    >>> with scope(strategy):
    ...     model = create_model("cifar_attention56")
    ...     compile_model(model, recipe.train, steps_per_epoch)

    Args:
        name: One of `NAMES`.
        timeout: The seconds to wait for the other workers.
        report: A function that takes a line of text, which names the missing
            workers.

    Returns:
        A `tf.distribute.Strategy`, a `keras.distribution.DataParallel`, or
        `None` for one device.

    Raises:
        TimeoutError: If a worker does not start in time.
        ValueError: If the name is unknown, `TF_CONFIG` is missing or malformed,
            or the strategy does not work with Keras' backend.
    """
    if name not in NAMES:
        raise ValueError(
            f"`distribution` must be one of {', '.join(map(repr, NAMES))}. "
            f"Received: distribution={name!r}"
        )
    if name == "auto":
        name = _automatic()
    if name == "none":
        return None
    _check_backend(name)
    if name == "jax":
        parallel = DataParallel()
        keras.distribution.set_distribution(parallel)
        return parallel
    if name == "multiworker":
        return _several_workers(timeout, report)
    return _mirrored()


def scope(strategy: Strategy) -> AbstractContextManager[Any]:
    """Return the context in which to build and compile a model for a strategy."""
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def count_replicas(strategy: Strategy) -> int:
    """Return the number of parts into which a strategy divides each batch."""
    if strategy is None:
        return 1
    if isinstance(strategy, tf.distribute.Strategy):
        return strategy.num_replicas_in_sync
    return strategy.device_mesh.shape[0]


def is_chief(strategy: Strategy) -> bool:
    """Return whether this process is the one that writes files."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return True
    return read_cluster().is_chief


def check_batch_size(batch_size: int, replicas: int) -> None:
    """Raise a `ValueError` unless a batch can be divided equally.

    Args:
        batch_size: The number of images per batch, over all devices.
        replicas: The number of devices.
    """
    if batch_size % replicas == 0:
        return
    lower = batch_size // replicas * replicas
    sizes = [size for size in (lower, lower + replicas) if size]
    raise ValueError(
        "`train.batch_size` counts the images of all devices and must be a multiple "
        f"of the number of devices, {replicas}; the nearest is "
        f"{' or '.join(map(str, sizes))}. Received: {batch_size}"
    )


def test_batch_size(strategy: Strategy, batch_size: int, count: int) -> int:
    """Return the batch size for a test set.

    On TensorFlow it is the batch size of training, and `whole_batches` pads the
    last batch. On JAX every batch must be divisible by the number of devices. If
    the test set is not, each device computes all of it, in smaller batches.

    Args:
        strategy: The result of `choose_strategy`.
        batch_size: The number of images per batch of training.
        count: The number of images in the test set.
    """
    replicas = count_replicas(strategy)
    if isinstance(strategy, DataParallel) and count % replicas:
        part = max(1, batch_size // replicas)
        return part if part % replicas else part + 1
    return batch_size


def check_workers_agree(strategy: Strategy, value: int, meaning: str) -> None:
    """Raise a `ValueError` unless an integer is the same on every worker.

    Workers that begin with different epochs would wait for each other forever. All
    workers must call this function at the same point.

    Args:
        strategy: The result of `choose_strategy`.
        value: The integer.
        meaning: The meaning of the value, for the error.
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return
    own = strategy.run(lambda: tf.constant([value], tf.int64))
    values = strategy.gather(own, axis=0).numpy().tolist()
    if len(set(values)) > 1:
        raise ValueError(
            f"The workers have different values for {meaning}. Let them use the same "
            "folder on a shared file system. Received, by device: "
            f"{', '.join(map(str, values))}"
        )


@contextlib.contextmanager
def naming_lost_workers(strategy: Strategy) -> Iterator[None]:
    """Replace the error of a step that failed because another worker ended.

    Raises:
        ConnectionError: If another worker ended.
    """
    try:
        yield
    except LOST as error:
        if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            raise
        reason = error.message.strip().splitlines()
        raise ConnectionError(
            "Another worker ended. Restart all workers with `--resume`; they continue "
            "after the last completed epoch. Received: "
            f"{type(error).__name__}: {reason[-1] if reason else 'no reason'}"
        ) from error


def facts_of(
    strategy: Strategy,
    sync_batch_norm: bool,
    begun: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """Return the facts about the distribution that belong in a checkpoint.

    Print a notice if the number of devices changed, because batch normalization
    then sees other batch sizes.

    Args:
        strategy: The result of `choose_strategy`.
        sync_batch_norm: Whether synchronized batch normalization is wanted.
        begun: The facts of the run that is resumed, if there is one. It keeps its
            batch normalization.

    Returns:
        A dictionary of integers.

    Raises:
        ValueError: If the run began without `sync_batch_norm` and it is wanted now.
    """
    facts = {
        "replicas": count_replicas(strategy),
        "sync_batch_norm": int(sync_batch_norm),
    }
    earlier = {**facts, **(begun or {})}
    if sync_batch_norm > earlier["sync_batch_norm"]:
        raise ValueError(
            "This run began without synchronized batch normalization. Resume it "
            "without --sync-batch-norm. Received: sync_batch_norm=True"
        )
    if facts["replicas"] != earlier["replicas"]:
        print(
            f"This run had {earlier['replicas']} devices and continues with "
            f"{facts['replicas']}. Its result will differ slightly from that of an "
            "uninterrupted run."
        )
    return facts | {"sync_batch_norm": earlier["sync_batch_norm"]}


def undistribute(strategy: Strategy) -> None:
    """Undo what `choose_strategy` set for the whole process, on JAX."""
    if isinstance(strategy, DataParallel):
        keras.distribution.set_distribution(None)


def _automatic() -> str:
    if keras.backend.backend() != "tensorflow":
        return "none"
    if os.environ.get("TF_CONFIG") and len(read_cluster().addresses) > 1:
        return "multiworker"
    return "mirrored" if len(tf.config.list_physical_devices("GPU")) > 1 else "none"


def _check_backend(name: str) -> None:
    needed = "jax" if name == "jax" else "tensorflow"
    backend = keras.backend.backend()
    if backend != needed:
        raise ValueError(
            f"The distribution '{name}' only works with Keras on {needed}. Set the "
            f"environment variable KERAS_BACKEND={needed}. Received: "
            f"KERAS_BACKEND={backend}"
        )


def _mirrored() -> tf.distribute.Strategy:
    gpus = tf.config.list_logical_devices("GPU")
    if gpus:
        return tf.distribute.MirroredStrategy([gpu.name for gpu in gpus])
    cpus = [cpu.name for cpu in tf.config.list_logical_devices("CPU")]
    # Other reductions abort if a second strategy in this process trains a model.
    reduction = tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(cpus, cross_device_ops=reduction)


def _several_workers(
    timeout: float, report: Callable[[str], object]
) -> tf.distribute.Strategy:
    cluster = read_cluster()
    wait_for_all(cluster, timeout, report)
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    if threading.current_thread() is threading.main_thread():
        # TensorFlow catches SIGTERM and continues. Restore Python's handler.
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
    return strategy
