"""The walks in docs/walks run from the built wheel, in an empty environment."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.client.ports import free_port

ROOT = Path(__file__).parents[1]
WALKS = sorted((ROOT / "docs" / "walks").glob("*.md"))
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LONGEST = 15 * 60
pytestmark = pytest.mark.one_backend
every_walk = pytest.mark.parametrize("walk", WALKS, ids=lambda path: path.stem)


def script(walk):
    """Return the blocks of a walk as one script; each Python block is a process."""
    ports = {port: str(free_port()) for port in ("8500", "8501")}
    parts = ["set -euo pipefail"]
    for language, code in BLOCK.findall(walk.read_text("utf-8")):
        code = re.sub(r"\b850[01]\b", lambda match: ports[match[0]], code)
        parts.append(
            code if language == "bash" else f"python - <<'PYTHON'\n{code}PYTHON"
        )
    return "\n".join(parts)


def test_there_are_three_walks():
    names = [walk.stem for walk in WALKS]
    assert names == ["engineer", "keras_user", "researcher"]
    assert all(script(walk).count("keras-resattn ") > 4 for walk in WALKS)


@every_walk
def test_every_block_can_be_parsed(walk):
    subprocess.run(["bash", "-n", "-c", script(walk)], check=True)
    for language, code in BLOCK.findall(walk.read_text("utf-8")):
        if language == "python":
            compile(code, str(walk), "exec")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Return the environment variables of an empty environment with the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--outdir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    install = ["-m", "pip", "install", "--quiet", "--constraint"]
    install += [ROOT / "constraints.txt", f"{wheel}[all]"]
    subprocess.run([folder / "venv/bin/python", *install], check=True)
    path = f"{folder / 'venv/bin'}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "KERAS_HOME": str(folder / "keras")}
    variables.pop("PYTHONPATH", None)
    return variables


@pytest.mark.slow
@every_walk
def test_a_walk_runs_from_the_wheel(walk, environment, tmp_path):
    process = subprocess.Popen(
        ["bash", "-c", script(walk)],
        cwd=tmp_path,
        env=environment,
        start_new_session=True,
    )
    try:
        assert process.wait(timeout=LONGEST) == 0
    finally:
        # A walk that fails may leave a server behind.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
