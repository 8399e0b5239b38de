import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from keras_resattn_server.running.metrics import METRICS_PATH
from keras_resattn_server.running.metrics import ServerMetrics
from keras_resattn_server.running.metrics import read_metrics_path


def test_metrics_have_the_names_labels_and_types_of_tensorflow_serving():
    metrics = ServerMetrics()
    metrics.request_count.labels("clf", "OK").inc()
    metrics.request_latency.labels("clf", "predict", "REST").observe(15)
    metrics.load_attempt_count.labels("/models/clf/1", "success").inc()
    lines = metrics.text().splitlines()
    for line in (
        "# TYPE :tensorflow:serving:request_count counter",
        ':tensorflow:serving:request_count{model_name="clf",status="OK"} 1.0',
        "# TYPE :tensorflow:serving:request_latency histogram",
        ":tensorflow:serving:request_latency_bucket"
        '{API="predict",entrypoint="REST",le="10.0",model_name="clf"} 0.0',
        ":tensorflow:serving:request_latency_bucket"
        '{API="predict",entrypoint="REST",le="18.0",model_name="clf"} 1.0',
        ":tensorflow:serving:request_latency_sum"
        '{API="predict",entrypoint="REST",model_name="clf"} 15.0',
        "# TYPE :tensorflow:cc:saved_model:load_attempt_count counter",
        ":tensorflow:cc:saved_model:load_attempt_count"
        '{model_path="/models/clf/1",status="success"} 1.0',
    ):
        assert line in lines
    assert not re.search(r":\w+(_total|_created)\b", metrics.text())


def test_prometheus_parses_the_text_and_a_name_with_quotes_cannot_break_it():
    metrics, name = ServerMetrics(), 'a"b\\c\nd'
    metrics.request_count.labels(name, "OK").inc()
    samples = [
        sample
        for family in text_string_to_metric_families(metrics.text())
        for sample in family.samples
    ]
    # The parser is the one that adds `_total` to a counter's name.
    name_of_counter = ":tensorflow:serving:request_count_total"
    labels = {"model_name": name, "status": "OK"}
    assert (name_of_counter, labels, 1.0) in [sample[:3] for sample in samples]
    assert "process_resident_memory_bytes" in {sample.name for sample in samples}


@pytest.mark.parametrize(
    "text, path",
    [
        ("prometheus_config { enable: true }", METRICS_PATH),
        ('prometheus_config { enable: true path: "/metrics" }', "/metrics"),
        ('prometheus_config { path: "/metrics" }', None),
        ("", None),
    ],
)
def test_the_monitoring_file_says_where_the_metrics_are(tmp_path, text, path):
    file = tmp_path / "monitoring.config"
    file.write_text(text)
    assert read_metrics_path(file) == path


def test_a_relative_path_of_metrics_is_refused(tmp_path):
    file = tmp_path / "monitoring.config"
    file.write_text('prometheus_config { enable: true path: "metrics" }')
    with pytest.raises(ValueError, match="start with '/'.*Received: 'metrics'"):
        read_metrics_path(file)
