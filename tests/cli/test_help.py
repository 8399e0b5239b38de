"""`--help` of every command: nothing is cut on a narrow terminal."""

import re

import pytest
import typer.main

from keras_resattn_cli.main import COMMANDS
from keras_resattn_cli.main import app

COMMAND_LINES = [
    [],
    *([name] for name in COMMANDS),
    ["convert"],
    ["convert", "caffe"],
    ["convert", "pytorchcv"],
]


def option_names(words):
    """Return the names of the options and arguments of a command."""
    command = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]
    names = [
        name
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--")
    ]
    return [*names, *getattr(command, "commands", {})]


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("words", COMMAND_LINES, ids=" ".join)
def test_no_name_is_cut(run, monkeypatch, words, width):
    monkeypatch.setenv("COLUMNS", str(width))
    code, output, _ = run(*words, "--help")
    assert code == 0
    assert max(map(len, output.splitlines())) <= width
    assert not re.search(r"…|\w\.\.\.", output)
    for name in option_names(words):
        assert re.search(rf"(^|[ /]){re.escape(name)}( |$)", output, re.M), name


def test_the_names_are_found():
    assert "--max-num-load-retries" in option_names(["serve"])
    assert "--bn-statistic" in option_names(["convert", "caffe"])
    assert {"caffe", "pytorchcv"} <= set(option_names(["convert"]))
    assert {"--version", "masks-influence"} <= set(option_names([]))


@pytest.mark.parametrize("words", COMMAND_LINES, ids=" ".join)
def test_types_have_no_names_of_python(run, words):
    _, output, _ = run(*words, "--help")
    assert not re.search(r"<(str|int|float|path|list|int range)\b", output)


def test_a_wrong_choice_reads_like_other_errors(run):
    views = "'attention', 'amplification', 'patterns', 'mean'"
    code, _, errors = run("masks", "m", "i.png", "--out", "o", "--view", "nope")
    assert code == 2
    assert f"'--view': choose one of {views}. Received: 'nope'\n" in errors
    code, _, errors = run("masks", "m", "i.png", "--out", "o", "--patterns", "9")
    assert code == 2
    # The other words are those of Typer's version.
    assert re.search(r"'--patterns': .*\b5\b", errors.splitlines()[-1])


def test_paths_that_are_copied_stay_whole(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    _, output, _ = run("serve", "--help")
    for text in ("/monitoring/prometheus/metrics", "NAME/VERSION/saved_model.pb"):
        assert text in output


def test_options_are_listed_under_the_headings_of_their_panels(run):
    _, output, _ = run("serve", "--help")
    headings = re.findall(r"(?m)^(\w[\w ]+):$", output)
    assert headings == [
        "Arguments",
        "Options",
        "Versions",
        "Limits",
        "Ray",
        "Security",
        "Batching and monitoring",
        "If the network has a unit of your own",
    ]
