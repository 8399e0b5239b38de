"""Files that no test can run, read by the tools that others check them with."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import REPOSITORY
from .conftest import SERVING
from .test_server_files import expressions

MANIFESTS = ["deployment", "service", "scaling", "network_policy"]


def tool(name):
    path = shutil.which(name, path=str(Path(sys.executable).parent))
    path = path or shutil.which(name)
    assert path, f"{name} is missing: see `make help`"
    return path


def run(name, *arguments):
    result = subprocess.run(
        [tool(name), *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_hadolint_finds_nothing_in_the_dockerfile():
    run("hadolint", "Dockerfile")


def test_the_compose_file_is_one():
    schema = ["--builtin-schema", "vendor.compose-spec"]
    run("check-jsonschema", *schema, SERVING / "compose.yaml")


@pytest.mark.slow
@pytest.mark.parametrize("manifest", MANIFESTS)
def test_kubernetes_knows_every_field(manifest):
    run("kubernetes-validate", "--strict", SERVING / f"kubernetes/{manifest}.yaml")


@pytest.mark.needs_system_tools
def test_prometheus_reads_its_files():
    run("promtool", "check", "config", SERVING / "monitoring/prometheus.yaml")


@pytest.mark.needs_system_tools
def test_the_alerts_fire_when_they_should():
    run("promtool", "test", "rules", Path(__file__).parent / "alerts_test.yaml")


@pytest.mark.needs_system_tools
def test_the_dashboard_asks_in_promql(tmp_path):
    rules = [
        {"record": f"panel_{i}", "expr": expression}
        for i, expression in enumerate(expressions())
    ]
    file = tmp_path / "panels.yaml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    run("promtool", "check", "rules", "--lint=none", file)
