import json
import re

import pytest
import yaml
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from .conftest import REPOSITORY
from .conftest import SERVING
from .tensorflow_serving import COUNTERS
from .tensorflow_serving import FLAGS
from .tensorflow_serving import HISTOGRAMS
from .tensorflow_serving import message_class

FLAG = re.compile(r"--([a-z][a-z_]+)(?:=(\S+))?")


def test_the_batching_parameters_are_what_the_server_reads():
    text = (SERVING / "batching_parameters.txt").read_text()
    parameters = text_format.Parse(text, message_class("BatchingParameters")())
    sizes = list(parameters.allowed_batch_sizes)
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == parameters.max_batch_size.value > 1
    assert parameters.num_batch_threads.value > 0
    assert parameters.max_enqueued_batches.value > 0


def test_the_metrics_are_where_prometheus_asks_for_them():
    text = (SERVING / "monitoring_config.txt").read_text()
    config = text_format.Parse(text, message_class("MonitoringConfig")())
    assert config.prometheus_config.enable
    path = config.prometheus_config.path
    prometheus = yaml.safe_load((SERVING / "monitoring/prometheus.yaml").read_text())
    assert [job["metrics_path"] for job in prometheus["scrape_configs"]] == [path]
    monitor = yaml.safe_load((SERVING / "kubernetes/service_monitor.yaml").read_text())
    assert [endpoint["path"] for endpoint in monitor["spec"]["endpoints"]] == [path]


def test_the_models_config_labels_versions_that_it_serves():
    text = (SERVING / "models.config").read_text()
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    models = {model.name: model for model in config.model_config_list.config}
    assert set(models) == {"cifar10", "demo"}
    for name, model in models.items():
        assert model.base_path == f"/models/{name}"
        served = model.model_version_policy.specific.versions
        assert set(model.version_labels.values()) <= set(served)
    assert dict(models["demo"].version_labels) == {"stable": 1, "canary": 2}


@pytest.mark.parametrize(
    "file",
    [
        "Dockerfile",
        "serving/start.sh",
        "serving/batching_parameters.txt",
        "serving/models.config",
        "serving/kubernetes/deployment.yaml",
        "serving/kubernetes/kserve.yaml",
    ],
)
def test_every_flag_is_one_of_the_servers(file):
    lines = (REPOSITORY / file).read_text().splitlines()
    if file == "Dockerfile":
        lines = lines[next(i for i, line in enumerate(lines) if 'CMD ["--' in line) :]
    flags = dict(FLAG.findall("\n".join(lines)))
    assert flags and set(flags) <= FLAGS


def test_the_deployment_keeps_the_flags_of_the_image():
    image = dict(
        FLAG.findall((REPOSITORY / "Dockerfile").read_text().split("CMD [")[-1])
    )
    text = (SERVING / "kubernetes/deployment.yaml").read_text()
    image = {name: value.rstrip('",]') for name, value in image.items()}
    assert image["max_num_load_retries"] == "0"
    assert image.items() <= dict(FLAG.findall(text)).items()


def expressions():
    """The PromQL of the dashboard and of the alerts."""
    dashboard = json.loads(
        (SERVING / "monitoring/grafana/tensorflow_serving.json").read_text()
    )
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"].replace("$__rate_interval", "5m")
    alerts = yaml.safe_load((SERVING / "monitoring/alerts.yaml").read_text())
    for group in alerts["groups"]:
        for rule in group["rules"]:
            yield rule["expr"]


def labels_of(metric):
    base, _, suffix = metric.rpartition("_")
    if base in HISTOGRAMS and suffix in ("bucket", "sum", "count"):
        return HISTOGRAMS[base] | ({"le"} if suffix == "bucket" else set())
    return COUNTERS[metric]


@pytest.mark.parametrize("expression", list(expressions()))
def test_dashboard_and_alerts_use_metrics_and_labels_that_are_there(expression):
    if expression.startswith(("up", "sum(up")):
        return
    metrics = re.findall(r":tensorflow[:\w]+", expression)
    known = set.union(*map(labels_of, metrics))
    selected = re.findall(r"(\w+)(?:!=|=~|!~|=)\"", expression)
    grouped = re.findall(r"(?:by|on) \(([^)]*)\)", expression)
    used = set(selected) | {label for by in grouped for label in by.split(", ")}
    assert used <= known | {"instance"}


def test_each_panel_is_drawn_from_the_data_source_that_is_provisioned():
    source = yaml.safe_load(
        (SERVING / "monitoring/grafana/datasource.yaml").read_text()
    )
    uid = source["datasources"][0]["uid"]
    dashboard = json.loads(
        (SERVING / "monitoring/grafana/tensorflow_serving.json").read_text()
    )
    assert len(dashboard["panels"]) == 8
    for panel in dashboard["panels"]:
        sources = [panel, *panel["targets"]]
        assert {item["datasource"]["uid"] for item in sources} == {uid}
