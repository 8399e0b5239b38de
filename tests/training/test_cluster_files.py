import json
from pathlib import Path

import pytest
import typer
import yaml

from keras_resattn.training.cluster import read_cluster
from keras_resattn_cli.main import app

FOLDER = Path(__file__).parents[2] / "cluster"


def documents(name):
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


@pytest.fixture
def pod():
    return documents("kubernetes.yaml")[1]["spec"]["template"]["spec"]


def containers():
    job = documents("kubernetes.yaml")[1]["spec"]["template"]["spec"]
    operated = documents("tfjob.yaml")[0]["spec"]["tfReplicaSpecs"]["Worker"]
    pods = [job, operated["template"]["spec"]]
    return [container for pod in pods for container in pod["containers"]]


@pytest.mark.parametrize("container", containers(), ids=["job", "tfjob"])
def test_workers_run_the_command_as_it_is(container):
    program, command, *arguments = container["command"]
    train = typer.main.get_command(app).commands[command]
    with train.make_context(program, arguments) as context:
        options = context.params
    assert (options["recipe"], options["distribution"]) == ("demo", "multiworker")
    assert options["sync_batch_norm"]
    mounted = container["volumeMounts"][0]["mountPath"]
    assert str(options["resume"]).startswith(f"{mounted}/")


def test_the_image_has_every_package_of_the_command():
    copied = (FOLDER / "Dockerfile").read_text().splitlines()
    for package in FOLDER.parent.glob("keras_resattn*/__init__.py"):
        name = package.parent.name
        assert f"COPY {name} {name}" in copied


@pytest.mark.parametrize("index", [0, 1])
def test_each_worker_finds_itself_in_the_cluster(monkeypatch, pod, index):
    service, job = documents("kubernetes.yaml")
    container = pod["containers"][0]
    own, config = container["env"]
    assert own["name"] == "JOB_COMPLETION_INDEX"
    text = config["value"].replace("$(JOB_COMPLETION_INDEX)", str(index))
    monkeypatch.setenv(config["name"], text)
    cluster = read_cluster()
    assert cluster.index == index
    name = f"{job['metadata']['name']}-{index}.{pod['subdomain']}"
    port = container["ports"][0]["containerPort"]
    assert cluster.addresses[index] == f"{name}:{port}"
    assert len(cluster.addresses) == job["spec"]["completions"]
    assert job["spec"]["parallelism"] == job["spec"]["completions"]
    assert service["metadata"]["name"] == pod["subdomain"]
    assert service["spec"]["ports"][0]["port"] == port
    assert json.loads(text)["task"] == {"type": "worker", "index": index}


def test_the_claim_that_is_mounted_is_the_one_that_is_made(pod):
    (claim,) = documents("claim.yaml")
    volume = pod["volumes"][0]["persistentVolumeClaim"]
    assert volume["claimName"] == claim["metadata"]["name"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


def test_what_the_image_copies_is_there():
    lines = (FOLDER / "Dockerfile").read_text().splitlines()
    sources = [
        source
        for line in lines
        if line.startswith("COPY")
        for source in line.split()[1:-1]
    ]
    assert sources and all((FOLDER.parent / source).exists() for source in sources)
