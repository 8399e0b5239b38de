"""The commands that show networks: list, summary, tables."""

import re
import subprocess
import sys

import pytest

import keras_resattn


def test_list_shows_every_network_with_its_cost(run):
    code, output, errors = run("list")
    assert code == 0
    header, *rows = output.splitlines()
    assert header.split() == ["name", "parameters", "multiply-adds", "size", "classes"]
    assert [row.split()[0] for row in rows] == keras_resattn.list_models()
    (row,) = [row for row in rows if row.startswith("attention92 ")]
    assert row.split()[1:] == ["52,466,344", "10,533,789,696", "224", "1000"]


def test_list_takes_a_pattern(run):
    code, output, errors = run("list", "cifar_resnet*")
    assert [row.split()[0] for row in output.splitlines()[1:]] == ["cifar_resnet164"]
    code, output, errors = run("list", "vgg*")
    assert code == 1
    assert "Received: pattern='vgg*'" in errors


def test_summary_counts_for_a_size(run):
    code, output, errors = run(
        "summary", "cifar.Attention56", "--size", "16x24", "--classes", "100"
    )
    assert code == 0
    model = keras_resattn.cifar.Attention56(input_shape=(16, 24, 3), classes=100)
    assert str(keras_resattn.complexity(model)) in output
    assert "One image of 16 x 24." in output


def test_summary_fits_the_terminal(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    code, output, _ = run("summary", "cifar_attention56")
    assert code == 0
    assert max(map(len, output.splitlines())) <= 60
    assert "(moving statistics, frozen layers)." in " ".join(output.split())


def test_summary_of_the_papers_largest_at_320(run):
    code, output, errors = run("summary", "Attention92", "--size", "320")
    assert code == 0
    assert "21,495,398,400" in output
    assert "52,466,344" in output


@pytest.mark.parametrize(
    ("arguments", "expected", "message"),
    [
        (
            ("vgg16",),
            1,
            "no such network, model folder, .keras file or name of weights. `",
        ),
        (("vgg16",), 1, "`keras-resattn list --weights` the weights. Received: vgg16"),
        (("vgg16", "--classes", "3"), 1, "Received: vgg16"),
        (("cifar10", "--classes", "3"), 2, "Received: --classes 3 with cifar10"),
        (("attention56", "--size", "large"), 2, "320x224. Received: size='large'"),
        (("attention56", "--size", "31"), 1, "at least 32x32"),
    ],
)
def test_summary_says_what_is_wrong(run, arguments, expected, message):
    code, output, errors = run("summary", *arguments)
    assert code == expected
    assert message in errors


def test_tables_print_printed_figures_beside_ours(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    code, output, errors = run("tables", "mask_structure", "label_noise")
    assert code == 0
    lines = {line.split("  ")[0]: line.split() for line in output.splitlines()}
    recipe = "cifar10_attention92_noise70"
    command = f"keras-resattn train {recipe} --out runs/{recipe}"
    counts = ["1.84", "M", "-", "0.212", "G", "-"]
    assert lines["Attention-92"][1:] == [
        *counts,
        "15.75",
        "-",
        recipe,
        *command.split(),
    ]
    assert lines["encoder and decoder"][3:5] == ["1.03", "M"]
    assert "[1] a reconstruction" in output


def test_all_tables(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    code, output, errors = run("tables")
    assert code == 0
    (row,) = [x for x in output.splitlines() if x.startswith("Attention-92, 320")]
    assert re.search(r"52.47 M +51.3 M +10.534 G +10.4 G", row)
    assert "by the authors' own definition" in output
    (row,) = [x for x in output.splitlines() if x.startswith("Attention-56, naive")]
    assert row.split()[9:12] == ["5.89", "9.73", "cifar10_attention56_naive_short"]


@pytest.mark.parametrize("width", [60, 80])
def test_tables_fit_the_terminal_and_say_what_is_left_out(run, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    code, output, _ = run("tables")
    assert code == 0
    assert max(map(len, output.splitlines())) <= width
    (row,) = [x for x in output.splitlines() if x.startswith("Attention-56, naive")]
    assert row.split()[3:5] == ["5.89", "9.73"]
    last = "Wider terminals also show: parameters, printed, multiply-adds,"
    one_line = " ".join(output.split())
    assert f"{last} command." in one_line and f"{last} recipe, command." in one_line


def test_the_tables_do_not_wait_for_keras():
    code = (
        "import sys; from keras_resattn_cli.tables import tables; tables(None);"
        "print({'keras', 'tensorflow', 'keras_resattn'} & set(sys.modules))"
    )
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert output.splitlines()[-1] == "set()"


def test_an_unknown_table_is_an_error(run):
    code, output, errors = run("tables", "segmentation")
    assert code == 1
    assert "Choose one of 'mask_activation', 'attention', " in errors
    assert "'imagenet'. Received: 'segmentation'" in errors
