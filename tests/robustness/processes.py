"""Scripts of this folder, run as processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(module, *arguments, backend="tensorflow"):
    """Run a module of this folder on a backend; return what it printed."""
    process = subprocess.run(
        [sys.executable, "-m", f"tests.robustness.{module}", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    return process.stdout
