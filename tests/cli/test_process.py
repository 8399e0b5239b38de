"""The command as a process of its own, as a user starts it."""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pytest

COMMAND = [sys.executable, "-m", "keras_resattn_cli"]


def test_help_does_not_import_keras():
    code = (
        "import sys; sys.argv = ['keras-resattn', '--help']\n"
        "from keras_resattn_cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('imported:', {'keras', 'tensorflow'} & set(sys.modules))"
    )
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert output.endswith("imported: set()\n")


@pytest.mark.parametrize("given, used", [(None, "1"), ("0", "0")])
def test_kernels_of_one_dnn_are_on_unless_turned_off(monkeypatch, given, used):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if given:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", given)
    code = (
        "import os, sys; sys.argv = ['keras-resattn', '--version']\n"
        "from keras_resattn_cli.main import main\n"
        "imported_before = 'tensorflow' in sys.modules\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(os.environ['TF_ENABLE_ONEDNN_OPTS'], imported_before)"
    )
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert output.splitlines()[-1] == f"{used} False"


def test_an_answer_stands_alone_on_standard_output(model_folder, pictures):
    process = subprocess.run(
        [*COMMAND, "predict", model_folder.path, pictures[0], "--json"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 0
    assert json.loads(process.stdout)["image"] == str(pictures[0])
    assert process.stderr == ""


def test_a_name_that_is_not_utf_8_is_printed(model_folder, pictures, tmp_path):
    path = tmp_path / "caf\udce9.png"
    shutil.copy(pictures[0], path)
    process = subprocess.run(
        [*COMMAND, "predict", model_folder.path, path],
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (process.returncode, process.stderr) == (0, "")
    assert r"caf\udce9.png" in process.stdout


@pytest.fixture(scope="module")
def url(served):
    """The URL of the exported model behind a server in a process."""
    process = subprocess.Popen(
        [*COMMAND, "serve", served, "--port", "0", "--grpc-port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    line = process.stdout.readline()
    yield line.strip().rsplit(" at ", 1)[1]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def test_the_served_answer_is_the_models_own(url, model_folder, pictures):
    instances = [
        {"b64": base64.b64encode(path.read_bytes()).decode()} for path in pictures
    ]
    answers = post(f"{url}:predict", {"instances": instances})["predictions"]
    served = [answer["probabilities"] for answer in answers]
    np.testing.assert_allclose(served, model_folder.predict(pictures), atol=1e-5)
    for answer, row in zip(answers, served, strict=True):
        assert answer["top_k_labels"][0] == model_folder.labels[int(np.argmax(row))]


def test_pixels_are_served_too(url, model_folder, pictures):
    images = model_folder.images(pictures)
    body = {"signature_name": "predict_images", "inputs": images.tolist()}
    served = post(f"{url}:predict", body)["outputs"]["probabilities"]
    np.testing.assert_allclose(served, model_folder.predict(pictures), atol=1e-5)


@pytest.mark.parametrize(
    "images", [[[1.0, 2.0]], 1.0, [[[[1.0]]]], [[[1.0, 2.0, 3.0]]], [[[[[1.0]]]]]]
)
def test_a_wrong_shape_is_a_400_and_the_server_lives_on(url, images):
    body = {"signature_name": "predict_images", "inputs": images}
    with pytest.raises(urllib.error.HTTPError) as raised:
        post(f"{url}:predict", body)
    assert raised.value.code == 400
    with urllib.request.urlopen(url, timeout=60) as response:
        status = json.load(response)
    assert status["model_version_status"][0]["state"] == "AVAILABLE"


def test_metadata_tells_the_signatures(url):
    with urllib.request.urlopen(f"{url}/metadata", timeout=60) as response:
        metadata = json.load(response)["metadata"]
    signatures = metadata["signature_def"]["signature_def"]
    assert {"serving_default", "predict_images"} <= set(signatures)


def test_ctrl_c_while_training_ends_in_one_line(photos, tmp_path):
    process = subprocess.Popen(
        [
            *COMMAND,
            *("train", "folder", "--out", tmp_path / "run"),
            *("--set", f"data.name={photos}", "--set", "train.epochs=1000"),
            *(
                "--set",
                "network.input_shape=[8, 8, 3]",
                "--set",
                "network.weights=null",
            ),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "run.partial" / "model.keras").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "The model of the last completed epoch is in" in output
    assert "Traceback" not in errors


def test_the_models_of_one_command_are_not_reported_as_repeated_tracing():
    code = (
        "from keras_resattn_cli.start import import_keras\n"
        "import_keras()\n"
        "import tensorflow as tf\n"
        "traced = tf.function(lambda x: x)\n"
        "for size in range(1, 9): traced(tf.zeros(size))\n"
        "tf.get_logger().warning('another warning')\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stderr.splitlines()[-1].endswith("another warning")
    assert "retracing" not in process.stderr
