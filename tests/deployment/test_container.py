import os
import re
import shutil
import signal
import subprocess
import sys
import venv

import numpy as np
import pytest
import tensorflow as tf

import keras_resattn
from keras_resattn.weights.table import read_table
from tests.server.conftest import MODELS
from tests.server.conftest import running_server

from .conftest import REPOSITORY
from .conftest import SERVING

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
BASH = shutil.which("bash")


@pytest.fixture
def start(tmp_path):
    """Run start.sh with a program in the server's place that tells its arguments."""
    server = tmp_path / "tensorflow_model_server"
    server.write_text('#!/bin/sh\necho "$@"\nexec sleep 60\n')
    server.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "MODEL_NAME": "a name",
        "MODEL_BASE_PATH": "/models",
    }

    def start(*arguments):
        return subprocess.Popen(
            [BASH, SERVING / "start.sh", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    return start


def test_the_start_script_becomes_the_server(start):
    process = start("--enable_batching", "--batching_parameters_file=x")
    assert process.stdout.readline() == (
        "--port=8500 --rest_api_port=8501 --model_name=a name"
        " --model_base_path=/models/a name"
        " --enable_batching --batching_parameters_file=x\n"
    )
    process.terminate()  # reaches the server, not a shell around it
    assert process.wait(timeout=30) == -signal.SIGTERM


def is_available(port, model, tmp_path):
    """The exit status of is_available.sh, asking at `port`."""
    text = (SERVING / "is_available.sh").read_text()
    assert "/8501" in text
    script = tmp_path / "is_available.sh"
    script.write_text(text.replace("/8501", f"/{port}"))
    environment = {"PATH": os.environ["PATH"], "MODEL_NAME": model}
    return subprocess.run([BASH, script], env=environment, timeout=60).returncode


def test_the_health_check_tells_a_model_that_serves_from_one_that_does_not(tmp_path):
    with running_server(MODELS) as server:
        port = server.url.rsplit(":", 1)[1]
        assert is_available(port, "clf", tmp_path) == 0
        assert is_available(port, "nope", tmp_path) == 1
    assert is_available(port, "clf", tmp_path) == 1


def test_the_image_is_given_only_files_that_are_here():
    sources = [
        source
        for line in re.sub(r"\\\n", " ", DOCKERFILE).splitlines()
        if line.startswith("COPY") and "--from" not in line
        for source in line.split()[1:-1]
        if not source.startswith("--")
    ]
    # What the user brings: a model folder or an exported model.
    brought = {"${MODEL_FOLDER}", "served/"}
    assert brought < set(sources)
    for source in set(sources) - brought:
        assert (REPOSITORY / source).exists(), source
        assert not ignored(source), source
    packages = {
        path.parent.name for path in REPOSITORY.glob("keras_resattn*/__init__.py")
    }
    assert packages <= set(sources)


def ignored(path):
    """Whether .dockerignore keeps a path out of the build."""
    rules = (REPOSITORY / ".dockerignore").read_text().splitlines()
    allowed = [rule[1:] for rule in rules if rule.startswith("!")]
    pattern = "|".join(re.escape(rule).replace(r"\*", "[^/]*") for rule in allowed)
    return not re.fullmatch(pattern, path)


def test_the_server_runs_as_nobody_under_tini():
    last_stage = DOCKERFILE.split("\nFROM ")[-1]
    assert "\nUSER 65534:65534\n" in last_stage
    assert '\nENTRYPOINT ["tini", "--", "/opt/serving/start.sh"]\n' in last_stage
    assert 'CMD ["/opt/serving/is_available.sh"]' in last_stage
    for script in ("start.sh", "is_available.sh"):
        assert os.access(SERVING / script, os.X_OK)


def test_versions_of_tensorflow_are_those_that_ran_together():
    exporter = re.search(r"^ARG TENSORFLOW_VERSION=(\d+\.\d+)", DOCKERFILE, re.M)[1]
    server = re.search(r"^ARG TFS_VERSION=(\d+\.\d+)", DOCKERFILE, re.M)[1]
    assert '"tensorflow==${TENSORFLOW_VERSION}"' in DOCKERFILE
    documented = (REPOSITORY / "docs" / "serving.md").read_text()
    pattern = rf"\| TensorFlow {exporter} \| .*TensorFlow {server} \|"
    assert re.search(pattern, documented)


def test_the_image_has_warm_up_requests():
    assert '".[serve]"' in DOCKERFILE
    assert "keras-resattn export --warmup /model" in DOCKERFILE
    assert "warmup=True" in (SERVING / "export_pretrained.py").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("info", read_table(), ids=lambda info: info.name)
def test_the_weights_of_the_package_become_a_served_model(info, tmp_path):
    out = tmp_path / "served" / "1"
    command = [SERVING / "export_pretrained.py", info.network, info.name, out]
    subprocess.run([sys.executable, *command], cwd=REPOSITORY, check=True)
    assert (out / "assets.extra" / "tf_serving_warmup_requests").is_file()
    signatures = tf.saved_model.load(str(out)).signatures
    shape = (4, *info.input_shape)
    images = np.random.default_rng(0).integers(0, 256, shape).astype("float32")
    served = signatures["predict_images"](images=tf.constant(images))
    model = keras_resattn.create_model(
        info.network,
        weights=info.name,
        input_shape=info.input_shape,
        classes=info.classes,
        **info.arguments,
    )
    inputs = ((images - info.mean) / info.std).astype("float32")
    expected = model.predict(inputs, verbose=0)
    np.testing.assert_allclose(served["probabilities"], expected, atol=1e-5)
    labels = served["top_k_labels"][:, 0].numpy()
    assert [label.decode() for label in labels] == [
        info.labels[i] for i in expected.argmax(1)
    ]


def instructions(stage):
    """Yield the instructions of a build stage, each as its name and the rest."""
    lines = [line for line in DOCKERFILE.splitlines() if not line.startswith("#")]
    text = re.sub(r"\\\n", " ", "\n".join(lines))
    found = re.search(rf"^FROM \S+ AS {stage}\n(.*?)^(?:FROM|\Z)", text, re.M | re.S)
    return [line.split(maxsplit=1) for line in found[1].splitlines() if line]


def copy(source, target):
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, target, ignore=ignored)
    else:
        shutil.copy(source, target)


@pytest.mark.slow
def test_the_build_stages_make_a_model_in_an_empty_environment(tmp_path):
    work, models = tmp_path / "work", tmp_path / "models"
    work.mkdir()
    venv.create(tmp_path / "venv", with_pip=True)
    path = f"{tmp_path / 'venv/bin'}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path}
    variables.pop("PYTHONPATH", None)
    variables |= dict(re.findall(r"^ARG (\w+)=(\S+)$", DOCKERFILE, re.M))
    for stage in ("export", "pretrained"):
        for name, rest in instructions(stage):
            if name == "COPY":
                *sources, target = rest.split()
                for source in sources:
                    copy(REPOSITORY / source, work / target)
            if name == "RUN":
                command = ["bash", "-c", rest.replace("/models", str(models))]
                subprocess.run(command, cwd=work, env=variables, check=True)
    version = models / "cifar10" / "1"
    requests = version / "assets.extra" / "tf_serving_warmup_requests"
    assert len(list(tf.data.TFRecordDataset(str(requests)))) >= 4
    assert (version / "saved_model.pb").exists()
