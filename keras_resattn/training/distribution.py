"""Training on several devices or machines: which strategy, and what it divides."""

import contextlib
import os
import signal
import threading

import keras
import tensorflow as tf

from keras_resattn.training.cluster import read_cluster
from keras_resattn.training.cluster import wait_for_all

# What a collective step raises where a worker that should take part is gone.
LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.UnavailableError,
)
NAMES = ("auto", "none", "mirrored", "multiworker", "jax")


class DataParallel(keras.distribution.DataParallel):
    """`keras.distribution.DataParallel` over all devices of JAX, for every batch.

    A batch that cannot be divided, which is an error to Keras, is computed whole
    on each device. Keras asks for the first batch of a data set only.
    """

    def get_data_layout(self, data_shape):
        layout = super().get_data_layout(data_shape)
        if data_shape[0] % count_replicas(self) == 0:
            return layout
        axes = [None] * len(data_shape)
        return keras.distribution.TensorLayout(axes, self.device_mesh)


def choose_strategy(name="auto", timeout=300.0, report=print):
    """Return what distributes a training over devices, by name.

    `"mirrored"` is for the GPUs of one machine (without any: for the logical
    CPU devices), `"multiworker"` for the machines that `TF_CONFIG` names,
    `"jax"` for all devices of JAX, where Keras runs on that, and is set for the
    whole process until `undistribute`. `"auto"` is
    `"multiworker"` where `TF_CONFIG` names more than one worker, `"mirrored"`
    where there are several GPUs, and `"none"` else.

    The strategy for several workers must be made before TensorFlow computes
    anything. For several workers, it first waits until all are there.

    Example:

    >>> strategy = choose_strategy("mirrored")
    >>> with scope(strategy):
    ...     model = create_model("cifar_attention56")
    ...     compile_model(model, recipe.train, steps_per_epoch)

    Args:
        name: One of `NAMES`.
        timeout: Float, for how many seconds to wait for the other workers.
        report: A function that is given a line of text: whom we wait for.

    Returns:
        A `tf.distribute.Strategy`, a `keras.distribution.DataParallel`, or
        `None` for one device.

    Raises:
        TimeoutError: If some worker is not there in time.
        ValueError: If the name is unknown, `TF_CONFIG` is absent or malformed,
            or Keras runs on another backend than the strategy is for.
    """
    if name not in NAMES:
        raise ValueError(
            f"`distribution` must be one of {', '.join(NAMES)}. Received: {name}"
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


def scope(strategy):
    """Return the context in which to build and compile a model for a strategy."""
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def count_replicas(strategy):
    """Return into how many parts a strategy divides each batch."""
    if strategy is None:
        return 1
    if isinstance(strategy, tf.distribute.Strategy):
        return strategy.num_replicas_in_sync
    return strategy.device_mesh.shape[0]


def is_chief(strategy):
    """Return whether this process is the one that writes files."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return True
    return read_cluster().is_chief


def check_batch_size(batch_size, replicas):
    """Raise a `ValueError` unless a batch can be divided equally.

    Args:
        batch_size: Integer, the number of images a batch, over all devices.
        replicas: Integer, the number of devices.
    """
    if batch_size % replicas == 0:
        return
    lower = batch_size // replicas * replicas
    sizes = [size for size in (lower, lower + replicas) if size]
    raise ValueError(
        f"`train.batch_size` counts the images of all devices and must be a multiple "
        f"of their number, {replicas}; the nearest is "
        f"{' or '.join(map(str, sizes))}. Received: {batch_size}"
    )


def test_batch_size(strategy, batch_size, count):
    """Return how many images of a test set to compute at a time.

    On TensorFlow that is the batch size of training, and `whole_batches` fills
    up the last batch. On JAX no batch may leave a rest: where the test set
    does, all of it is computed on each device, with a part of the batch size.

    Args:
        strategy: What `choose_strategy` returned.
        batch_size: Integer, the number of images a batch of training.
        count: Integer, the number of images of the test set.
    """
    replicas = count_replicas(strategy)
    if isinstance(strategy, DataParallel) and count % replicas:
        part = max(1, batch_size // replicas)
        return part if part % replicas else part + 1
    return batch_size


def describe(settings, strategy):
    """Return a line on how the batch is divided, and the learning rate that is used.

    Example:

    >>> describe(recipe.train, strategy)
    'global batch 64 = 2 devices x 32; learning rate 0.1 = 0.1 x 64 / 64'

    Args:
        settings: The recipe's `Train`.
        strategy: What `choose_strategy` returned.
    """
    size = settings.batch_size
    replicas = count_replicas(strategy)
    devices = "device" if replicas == 1 else "devices"
    base = settings.base_batch_size or size
    return (
        f"global batch {size} = {replicas} {devices} x {size // replicas}; "
        f"learning rate {settings.peak_learning_rate:g} = "
        f"{settings.learning_rate:g} x {size} / {base}"
    )


def check_workers_agree(strategy, value, meaning):
    """Raise a `ValueError` unless an integer is the same on every worker.

    Workers that would begin with unlike epochs would wait for one another for
    ever. This is a step that all of them take together.

    Args:
        strategy: What `choose_strategy` returned.
        value: Integer.
        meaning: String, what it is, for the error.
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return
    own = strategy.run(lambda: tf.constant([value], tf.int64))
    values = strategy.gather(own, axis=0).numpy().tolist()
    if len(set(values)) > 1:
        raise ValueError(
            f"The workers do not agree on {meaning}; let them read the same folder "
            "on a file system that they share. Received, by device: "
            f"{', '.join(map(str, values))}"
        )


@contextlib.contextmanager
def naming_lost_workers(strategy):
    """Where a step fails because another worker has gone, say so.

    Raises:
        ConnectionError: In place of the error of the step that needed it.
    """
    try:
        yield
    except LOST as error:
        if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            raise
        reason = error.message.strip().splitlines()
        raise ConnectionError(
            "Another worker was lost; begin all of them again with `--resume`, and "
            "they go on after the last whole epoch. Received: "
            f"{type(error).__name__}: {reason[-1] if reason else 'no reason'}"
        ) from error


def facts_of(strategy, sync_batch_norm, begun=None):
    """Return what of the distribution a run depends on, for its checkpoint.

    Args:
        strategy: What `choose_strategy` returned.
        sync_batch_norm: Boolean, whether it is asked for.
        begun: Optional dictionary, the facts of a run that is resumed: batch
            normalization goes on as it began. Another number of devices is
            told of: each normalizes a part of another size then.

    Returns:
        A dictionary of integers.

    Raises:
        ValueError: If a run began without `sync_batch_norm` and now shall have it.
    """
    facts = {
        "replicas": count_replicas(strategy),
        "sync_batch_norm": int(sync_batch_norm),
    }
    earlier = {**facts, **(begun or {})}
    if sync_batch_norm > earlier["sync_batch_norm"]:
        raise ValueError(
            "This run began without synchronized batch normalization; resume it "
            "without, too. Received: sync_batch_norm=True"
        )
    if facts["replicas"] != earlier["replicas"]:
        print(
            f"This run had {earlier['replicas']} devices and goes on with "
            f"{facts['replicas']}: its result is not exactly that of one that did not."
        )
    return facts | {"sync_batch_norm": earlier["sync_batch_norm"]}


def undistribute(strategy):
    """End what `choose_strategy` set for the whole process, on JAX."""
    if isinstance(strategy, DataParallel):
        keras.distribution.set_distribution(None)


def _automatic():
    if keras.backend.backend() != "tensorflow":
        return "none"
    if os.environ.get("TF_CONFIG") and len(read_cluster().addresses) > 1:
        return "multiworker"
    return "mirrored" if len(tf.config.list_physical_devices("GPU")) > 1 else "none"


def _check_backend(name):
    needed = "jax" if name == "jax" else "tensorflow"
    backend = keras.backend.backend()
    if backend != needed:
        raise ValueError(
            f"Distribution '{name}' needs Keras to run on {needed}; set the "
            f"environment variable KERAS_BACKEND={needed}. Received: "
            f"KERAS_BACKEND={backend}"
        )


def _mirrored():
    gpus = tf.config.list_logical_devices("GPU")
    if gpus:
        return tf.distribute.MirroredStrategy([gpu.name for gpu in gpus])
    cpus = [cpu.name for cpu in tf.config.list_logical_devices("CPU")]
    # Other reductions abort when a second strategy in this process comes to train.
    reduction = tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(cpus, cross_device_ops=reduction)


def _several_workers(timeout, report):
    cluster = read_cluster()
    wait_for_all(cluster, timeout, report)
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    if threading.current_thread() is threading.main_thread():
        # TensorFlow catches SIGTERM for itself and goes on: give it back.
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
    return strategy
