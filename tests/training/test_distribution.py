import json
import socket
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resattn.recipes.settings import Train
from keras_resattn.training import distribution
from keras_resattn.training import header
from keras_resattn.training.cluster import Cluster
from keras_resattn.training.cluster import read_cluster
from keras_resattn.training.cluster import wait_for_all
from keras_resattn.training.multi_worker import enable_distributed_fit
from keras_resattn.training.synchronized_normalization import (
    synchronize_batch_normalization,
)
from tests.training import small_training
from tests.training.processes import free_ports

TWO = {"worker": ["a:1", "b:2"]}


def set_cluster(monkeypatch, cluster, kind, index):
    config = {"cluster": cluster, "task": {"type": kind, "index": index}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))


@pytest.fixture
def cluster():
    return [f"localhost:{port}" for port in free_ports(2)]


def test_the_chief_is_the_first_worker(monkeypatch):
    set_cluster(monkeypatch, TWO, "worker", 0)
    assert read_cluster() == Cluster(("a:1", "b:2"), 0)
    assert read_cluster().is_chief
    set_cluster(monkeypatch, TWO | {"chief": ["c:3"]}, "worker", 0)
    assert read_cluster() == Cluster(("c:3", "a:1", "b:2"), 1)
    assert not read_cluster().is_chief


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "need the environment variable TF_CONFIG.*host0:2222"),
        ("{", "malformed: Expecting.*host0:2222.*Received: {"),
        ('{"cluster": {}}', "it has no 'task'"),
        ([TWO, "worker", 2], "worker 2, is not in the cluster"),
        ([TWO, "ps", 0], "ps 0, is not in the cluster"),
        ([TWO | {"ps": ["c:3"]}, "worker", 0], "its cluster has ps"),
        ([{"worker": ["a"]}, "worker", 0], "'a' is not HOST:PORT"),
        ([{"worker": ["a:1", "a:1"]}, "worker", 0], "the same"),
    ],
)
def test_a_wrong_cluster_is_explained(monkeypatch, config, message):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if isinstance(config, list):
        set_cluster(monkeypatch, *config)
    elif config:
        monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(ValueError, match=message):
        distribution.choose_strategy("multiworker")


def test_workers_wait_for_each_other(cluster):
    lines = []
    worker = threading.Thread(
        target=wait_for_all, args=(Cluster(tuple(cluster), 1), 20, lines.append)
    )
    worker.start()
    wait_for_all(Cluster(tuple(cluster), 0), 20, lines.append)
    worker.join(20)
    assert not worker.is_alive()
    assert f"Waiting for worker 0 ({cluster[0]}) and the other workers." in lines
    assert f"Waiting for worker 1 ({cluster[1]})." in lines


@pytest.mark.parametrize(("index", "missing"), [(0, 1), (1, 0)])
def test_a_missing_worker_is_named(cluster, index, missing):
    with pytest.raises(TimeoutError, match=rf"worker {missing} \({cluster[missing]}"):
        wait_for_all(Cluster(tuple(cluster), index), 0.3, lambda line: None)


def test_a_server_from_before_a_restart_is_not_taken_for_the_chief(cluster):
    port = int(cluster[0].rpartition(":")[2])

    def talk():
        while True:
            try:
                listener.accept()[0].sendall(b"PRI * HTTP/2.0\r\n")
            except OSError:
                return

    with socket.create_server(("", port)) as listener:
        threading.Thread(target=talk, daemon=True).start()
        with pytest.raises(TimeoutError):
            wait_for_all(Cluster(tuple(cluster), 1), 1, lambda line: None)


def test_a_taken_port_is_named(cluster):
    port = int(cluster[0].rpartition(":")[2])
    with socket.create_server(("", port)):
        with pytest.raises(OSError, match=f"port in TF_CONFIG is in use.*{port}"):
            wait_for_all(Cluster(tuple(cluster), 0), 1, lambda line: None)


def test_a_batch_must_divide_among_the_devices():
    distribution.check_batch_size(64, 4)
    with pytest.raises(ValueError, match="nearest is 60 or 66. Received: 64"):
        distribution.check_batch_size(64, 6)
    with pytest.raises(ValueError, match="nearest is 8. Received: 4"):
        distribution.check_batch_size(4, 8)


def test_the_division_and_the_learning_rate_are_described():
    settings = Train(batch_size=64, base_batch_size=32, learning_rate=0.1)
    assert header.describe(settings, None) == (
        "global batch 64 = 1 device x 64; learning rate 0.2 = 0.1 x 64 / 32"
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("horovod", "one of 'auto', 'none'"),
        ("jax", "Set the environment variable KERAS"),
    ],
)
def test_a_distribution_that_cannot_be_is_explained(name, message):
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        distribution.choose_strategy(name)


def test_one_device_needs_no_strategy(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert distribution.choose_strategy("auto") is None
    assert distribution.is_chief(None)


def test_a_lost_worker_is_told_apart_from_an_error_of_one_device():
    lost = tf.errors.UnavailableError(None, None, "Trace\nsocket closed")
    several = object.__new__(tf.distribute.MultiWorkerMirroredStrategy)
    with pytest.raises(ConnectionError, match="--resume.*Received.*socket closed"):
        with distribution.naming_lost_workers(several):
            raise lost
    with pytest.raises(tf.errors.UnavailableError):
        with distribution.naming_lost_workers(None):
            raise lost


def test_a_strategy_of_one_device_trains_as_none(monkeypatch):
    strategy = distribution.choose_strategy("mirrored")
    assert distribution.count_replicas(strategy) == 1
    model, results = small_training.train(strategy, epochs=1)
    _, expected = small_training.train(None, epochs=1)
    for name, value in expected.items():
        np.testing.assert_allclose(results[name], value, atol=1e-5, err_msg=name)
    with strategy.scope():
        model.compile("sgd", "mse", jit_compile=True)
    with pytest.raises(ValueError, match="set `jit: false` or leave it out"):
        enable_distributed_fit(model, strategy)


def test_synchronized_normalization_is_not_saved(tmp_path):
    model = small_training.small_model()
    images = np.random.default_rng(0).normal(3, 2, (4, 8, 8, 3)).astype("float32")
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    assert synchronize_batch_normalization(model) == 2
    np.testing.assert_allclose(
        model(images, training=True), copy(images, training=True), atol=1e-5
    )
    for weight, expected in zip(model.weights, copy.weights, strict=True):
        np.testing.assert_allclose(weight, expected, atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for layer in (*model.layers, *loaded.layers):
        assert not layer.get_config().get("synchronized")
