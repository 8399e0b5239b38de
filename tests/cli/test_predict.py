"""`keras-resattn predict` with a folder, an output file and a server."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.client.fake_server import Answer
from tests.client.fake_server import fake_server

COMMAND = [sys.executable, "-m", "keras_resattn_cli", "predict"]


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def mixed(photos, tmp_path):
    """A folder of forty images and one file that is none."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    for path in sorted(photos.glob("*/*")):
        (folder / f"{path.parent.name}{path.name}").hardlink_to(path)
    (folder / "empty.png").write_bytes(b"")
    return folder


def test_a_folder_becomes_a_csv_with_the_bad_image_in_it(
    run,
    model_folder,
    mixed,
    tmp_path,
):
    out = tmp_path / "out.csv"
    code, output, errors = run("predict", model_folder.path, mixed, "--out", out)
    rows = read_csv(out)
    assert code == 1
    assert "1 of 41 images could not be classified" in errors
    assert f"Received: {mixed / 'empty.png'}" in errors
    assert [row["image"] for row in rows] == [str(p) for p in sorted(mixed.iterdir())]
    assert [row["image"] for row in rows if row["error"]] == [str(mixed / "empty.png")]
    good = [row for row in rows if not row["error"]]
    expected = model_folder.predict([row["image"] for row in good])
    for row, probabilities in zip(good, expected, strict=True):
        assert row["label_1"] == model_folder.labels[probabilities.argmax()]
        assert float(row["probability_1"]) == pytest.approx(probabilities.max(), 1e-4)


@pytest.mark.parametrize("usual", [0.0, 1.1])
def test_a_prediction_less_sure_than_usual_has_a_notice(
    run, model_folder, photos, tmp_path, usual
):
    folder = tmp_path / "model"
    shutil.copytree(model_folder.path, folder)
    (folder / "evaluation.json").write_text(f'{{"usual_confidence": {usual}}}')
    code, output, _ = run("predict", folder, photos)
    assert code == 0
    assert output.count("Unsure: 95 % of the test images reach 110%.") == 40 * (
        usual > 1
    )
    code, output, _ = run("predict", folder, photos, "--out", tmp_path / "out.csv")
    assert code == 0
    first = f"40 of 40 are less sure than is usual. The first: {photos}"
    assert (first in output) == (usual > 1)


def test_a_servers_results_are_those_of_the_model(
    run,
    model_folder,
    rest_url,
    mixed,
    tmp_path,
):
    run("predict", model_folder.path, mixed, "--out", tmp_path / "local.jsonl")
    code, _, errors = run(
        *("predict", mixed, "--out", tmp_path / "remote.jsonl"),
        *("--server", rest_url, "--model", "small", "--batch-size", 7),
    )
    assert code == 1 and "1 of 41" in errors
    local, remote = (
        [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        for name in ("local.jsonl", "remote.jsonl")
    )
    for one, other in zip(local, remote, strict=True):
        assert one["image"] == other["image"]
        assert one.keys() == other.keys()
        if "error" not in one:
            assert other["probabilities"] == pytest.approx(
                one["probabilities"], abs=1e-5
            )


def test_a_servers_table_and_lines_of_json(run, rest_url, pictures):
    url = f"{rest_url}/v1/models/small"
    code, output, errors = run("predict", *pictures[:2], "--server", url)
    assert (code, errors) == (0, "")
    assert all(path.name in output for path in pictures[:2])
    code, output, _ = run("predict", *pictures[:2], "--server", url, "--json")
    answers = [json.loads(line) for line in output.splitlines()]
    assert [answer["image"] for answer in answers] == [str(p) for p in pictures[:2]]
    assert set(answers[0]["probabilities"]) == {"bright", "dark"}


def test_what_is_in_the_file_is_not_asked_again(run, rest_url, photos, tmp_path):
    out = tmp_path / "out.csv"
    server = ("--server", rest_url, "--model", "small")
    assert run("predict", photos / "dark", "--out", out, *server)[0] == 0
    before = out.read_bytes()
    code, output, _ = run("predict", photos, "--out", out, *server)
    assert code == 0
    assert f"20 of 40 images are already in {out}." in output
    assert out.read_bytes().startswith(before)
    assert len({row["image"] for row in read_csv(out)}) == len(read_csv(out)) == 40
    # Nothing is left to ask: no server is needed.
    gone = ("--server", "http://127.0.0.1:1", "--model", "small")
    assert run("predict", photos, "--out", out, *gone)[0] == 0
    before = out.read_bytes()
    assert run("predict", photos, "--out", out, "--overwrite", *gone)[0] == 1
    assert out.read_bytes() == before


def test_a_resumed_run_still_tells_of_the_bad_image(
    run,
    rest_url,
    mixed,
    tmp_path,
):
    arguments = ("predict", mixed, "--out", tmp_path / "out.jsonl")
    server = ("--server", rest_url, "--model", "small")
    first, second = (run(*arguments, *server) for _ in range(2))
    assert first[0] == second[0] == 1
    assert first[2] == second[2]


def test_a_server_that_fails_in_the_middle_loses_nothing(run, photos, tmp_path):
    out = tmp_path / "out.csv"
    body = {
        "probabilities": [[0.25, 0.75]] * 5,
        "top_k_labels": [["dark", "bright"]] * 5,
        "top_k_probabilities": [[0.75, 0.25]] * 5,
    }
    good, broken = Answer(body={"outputs": body}), Answer(500, {"error": "broken"})
    with fake_server(Answer(), good, good, broken) as fake:
        arguments = ("predict", photos, "--out", out, "--batch-size", 5)
        server = ("--server", fake.url, "--model", "small")
        code, _, errors = run(*arguments, *server)
        assert code == 1 and "The server answered 500: broken" in errors
        assert len(read_csv(out)) == 10
        fake.answers[:] = [Answer(), good]
        assert run(*arguments, *server)[0] == 0
    assert [row["image"] for row in read_csv(out)] == [
        str(path) for path in sorted(photos.glob("*/*"))
    ]


def killed_after_some_lines(command, out, lines):
    """Kill a command as soon as a file has so many lines; whether that was in time."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while process.poll() is None:
        assert time.monotonic() < deadline
        if out.is_file() and out.read_bytes().count(b"\n") >= lines:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.001)
    return process.returncode == -signal.SIGKILL


def test_a_killed_run_goes_on_with_no_image_twice_or_lost(
    run,
    rest_url,
    photos,
    tmp_path,
):
    out, whole = tmp_path / "out.csv", tmp_path / "whole.csv"
    server = ["--server", rest_url, "--model", "small", "--batch-size", "1"]
    command = [*COMMAND, photos, *server, "--out"]
    kills = [killed_after_some_lines([*command, out], out, n) for n in (2, 12, 25)]
    assert kills == [True, True, True]
    with open(out, "ab") as file:
        file.write(str(photos).encode()[:20])  # as a torn write leaves it
    assert subprocess.run([*command, out]).returncode == 0
    assert run(*command[3:], whole)[0] == 0
    assert out.read_bytes() == whole.read_bytes()
    assert len(read_csv(out)) == 40


@pytest.mark.slow
def test_a_killed_local_run_goes_on_too(model_folder, photos, tmp_path):
    out, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    command = [*COMMAND, model_folder.path, photos, "--batch-size", "1", "--out"]
    assert killed_after_some_lines([*command, out], out, 5)
    for path in (out, whole):
        subprocess.run([*command, path], check=True)
    names = [json.loads(line)["image"] for line in out.read_text().splitlines()]
    assert names == [str(path) for path in sorted(photos.glob("*/*"))]
    assert out.read_bytes() == whole.read_bytes()


def test_ctrl_c_says_how_to_go_on(photos, tmp_path):
    out = tmp_path / "out.csv"
    with fake_server(Answer(), Answer(hangs=True)) as fake:
        process = subprocess.Popen(
            [*COMMAND, photos, "--out", out, "--server", fake.url, "--model", "small"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        while len(fake.requests) < 2 and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert f"To continue {out}, run the same command again." in output
    assert "Traceback" not in errors


def test_predict_with_a_server_imports_no_keras(rest_url, pictures):
    code = (
        "import sys\n"
        "from keras_resattn_cli.main import main\n"
        "try: main()\n"
        "finally: print('imported:', {'keras', 'tensorflow'} & set(sys.modules))"
    )
    url = f"{rest_url}/v1/models/small"
    for images in ([pictures[0]], ["gone.png", pictures[0]]):
        output = subprocess.run(
            [sys.executable, "-c", code, "predict", *images, "--server", url],
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        assert output.endswith("imported: set()\n")


def test_a_missing_file_does_not_stop_the_others(run, rest_url, pictures, tmp_path):
    out = tmp_path / "out.csv"
    images = [pictures[0], tmp_path / "gone.png", pictures[1]]
    server = ("--server", rest_url, "--model", "small")
    code, _, errors = run("predict", *images, *server, "--out", out, "--excel")
    assert code == 1
    assert "1 of 3 images could not be classified" in errors
    header, *rows = out.read_text(encoding="utf-8").splitlines()
    assert header == "\ufeffimage,label_1,probability_1,label_2,probability_2,error"
    assert [row.split(",")[0] for row in rows] == [str(path) for path in images]
    assert "no such file" in rows[1]


def test_a_bad_image_has_the_servers_reason_and_its_name(
    run, rest_url, pictures, tmp_path
):
    text, out = tmp_path / "text.png", tmp_path / "out.csv"
    text.write_text("no image")
    server = ("--server", rest_url, "--model", "small")
    assert run("predict", pictures[0], text, *server, "--out", out)[0] == 1
    row = list(csv.DictReader(out.open()))[1]
    assert row["error"].startswith("The image could not be decoded. Element 0 of ")
    assert row["error"].endswith(f"The image: {text}.")


def test_wrong_usage_is_told(run, model_folder, pictures, tmp_path):
    server = ("--server", "http://127.0.0.1:1", "--model", "small")
    model = model_folder.path / "model.keras"
    for arguments, code, message in (
        ((pictures[0],), 2, "give a model and then images"),
        ((model_folder.path, pictures[0], *server), 2, "give only images"),
        ((model, pictures[0], *server), 2, f"Received: {model}"),
        (("cifar10", pictures[0], *server), 2, "Received: cifar10"),
        (("hf://owner/model", *server), 2, "Received: hf://owner/model"),
        ((pictures[0], "--allow-code", *server), 2, "without --server"),
        ((pictures[0], "--server", f"{server[1]}/v1/models"), 2, "Give only the"),
        ((pictures[0], "--server", "ftp://x"), 2, "Received: ftp://x"),
        (
            (model_folder.path, pictures[0], "--ca-certificates", model),
            2,
            "--server URL",
        ),
        ((pictures[0], "--ca-certificates", "x", *server), 2, "does not exist"),
        ((model_folder.path, pictures[0], "--model", "x"), 2, "--server URL"),
        ((model_folder.path, pictures[0], "--timeout", "3"), 2, "--timeout 3"),
        ((model_folder.path, pictures[0], "--workers", "3"), 2, "add --engine ray"),
        ((pictures[0], "--engine", "ray", *server), 2, "leave out"),
        ((pictures[0], "--server", "http://127.0.0.1:1"), 2, "The model is missing"),
        ((tmp_path, *server), 1, "no images"),
        ((pictures[0], "--overwrite", *server), 2, "--out FILE"),
        ((pictures[0], "--excel", *server), 2, "Received: --excel"),
        ((pictures[0], "--json", "--out", tmp_path / "a.csv", *server), 2, "give only"),
        ((pictures[0], "--out", tmp_path / "a.txt", *server), 2, "FILE.jsonl"),
    ):
        found, output, errors = run("predict", *arguments)
        assert found == code, (arguments, errors)
        assert message in " ".join(errors.replace("│", " ").split()), arguments
        assert output == ""


def test_the_name_of_an_image_stays_whole_above_its_table(
    run, model_folder, pictures, tmp_path, monkeypatch
):
    image = tmp_path / f"{'a long name ' * 6}[bold].png"
    image.write_bytes(pictures[0].read_bytes())
    monkeypatch.setenv("COLUMNS", "60")
    code, output, _ = run("predict", model_folder.path, image)
    assert code == 0
    assert str(image) in output.splitlines()
