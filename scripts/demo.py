"""Train, evaluate, export and serve a model, and write a report: `make demo`.

Each step is a command that you can also type. This script runs the commands in order
and sends one request to the server.
"""

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "demo"
IMAGE = ROOT / "docs" / "ankle_boot.png"
KERAS_RESATTN = [sys.executable, "-m", "keras_resattn_cli"]

console = Console(highlight=False)


def main():
    os.chdir(ROOT)
    shutil.rmtree(DEMO, ignore_errors=True)
    run = DEMO.relative_to(ROOT) / "run"
    image = IMAGE.relative_to(ROOT)

    heading("Train Attention-56 on the bundled images")
    data_dir = run.parent / "tensorflow_datasets"
    setting = f"data.data_dir={data_dir}"
    keras_resattn("train", "demo", "--set", setting, "--out", run)

    heading("Evaluate it")
    keras_resattn("evaluate", run)

    heading("Export it as a SavedModel")
    keras_resattn("export", run, run.parent / "served" / "demo" / "1")

    heading("Serve it and classify one PNG file over REST")
    with server(run.parent / "served") as url:
        answer = ask(f"{url}/v1/models/demo:predict", image)
    print_answer(image, answer)
    compare(answer, predict(run, image))

    heading("Write a report with its attention masks")
    keras_resattn("report", run, "--out", run.parent / "report.html")


def heading(text):
    console.rule(f"[bold]{text}", align="left")


def keras_resattn(*arguments):
    """Print and run a command; exit if it fails."""
    arguments = [str(argument) for argument in arguments]
    console.print("[dim]$ keras-resattn " + " ".join(arguments))
    with ended_with_us(subprocess.Popen([*KERAS_RESATTN, *arguments])) as process:
        if process.wait():
            sys.exit(process.returncode)


@contextlib.contextmanager
def ended_with_us(process):
    """End a process when the block ends, also after an error or Ctrl-C."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def server(base):
    """Serve the models in `base` on a free port; yield the server's URL."""
    command = ["serve", str(base), "--port", "0", "--no-grpc"]
    console.print("[dim]$ keras-resattn " + " ".join(command))
    process = subprocess.Popen(
        [*KERAS_RESATTN, *command], stdout=subprocess.PIPE, text=True
    )
    with ended_with_us(process):
        line = process.stdout.readline().strip()
        if " at " not in line:
            sys.exit("The server did not start; see its messages above.")
        console.print(line)
        # Read on: a full pipe would block the server.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield line.rsplit(" at ", 1)[1].split("/v1/")[0]


def ask(url, image):
    """Send a PNG file to the server and return the answer."""
    instance = {"b64": base64.b64encode(image.read_bytes()).decode()}
    request = urllib.request.Request(
        url, json.dumps({"instances": [instance]}).encode(), method="POST"
    )
    with urllib.request.urlopen(request, timeout=120) as response:
        return json.load(response)["predictions"][0]


def print_answer(image, answer):
    table = Table("class", "probability", title=f"The server's answer for {image}")
    ranked = zip(answer["top_k_labels"], answer["top_k_probabilities"], strict=True)
    for label, probability in ranked:
        table.add_row(label, f"{probability:.4f}")
    console.print(table)


def predict(run, image):
    """Return the probabilities by class, computed without the server."""
    output = subprocess.run(
        [*KERAS_RESATTN, "predict", str(run), str(image), "--json"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return json.loads(output)["probabilities"]


def compare(answer, own):
    """Compare the server's answer with the prediction of `keras-resattn predict`."""
    served = dict(
        zip(answer["top_k_labels"], answer["top_k_probabilities"], strict=True)
    )
    difference = max(abs(served[label] - own[label]) for label in served)
    console.print(f"Largest difference from the local prediction: {difference:.1e}")
    if difference > 1e-5:
        sys.exit("The server's answer differs from the local prediction.")


if __name__ == "__main__":
    # SIGTERM ends the script like Ctrl-C: the processes that it started end first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
