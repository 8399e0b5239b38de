"""Check the stored outputs of the notebooks, and that they run."""

import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ABSOLUTE_PATH = r"(?<![\w.:/{}-])(/(root|home|tmp|work|usr|opt|var|Users)/|[A-Z]:\\)"

by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def run_notebook():
    path = ROOT / "scripts" / "run_notebooks.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.run_notebook


def code_cells(path):
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def figures(cell):
    """Return the number of figures among the outputs of a cell."""
    outputs = cell.get("outputs", [])
    return sum("image/png" in output.get("data", {}) for output in outputs)


def texts(cell):
    """Return the source of a cell and all text of its outputs."""
    shown = [
        output.get("text", "") + output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
    ]
    return "\n".join([cell.source, *shown])


def test_there_are_five_notebooks():
    assert [path.name[:2] for path in NOTEBOOKS] == ["1_", "2_", "3_", "4_", "5_"]


def test_the_files_are_small():
    sizes = [path.stat().st_size for path in NOTEBOOKS]
    assert max(sizes) < 1_000_000
    assert sum(sizes) < 2_200_000


@by_name
def test_a_stored_notebook_is_valid_and_was_run_from_the_first_cell_to_the_last(path):
    nbformat.validate(nbformat.read(path, as_version=4))
    cells = code_cells(path)
    counts = [cell.execution_count for cell in cells]
    assert counts == list(range(1, len(cells) + 1))
    assert nbformat.read(path, as_version=4).cells[0].source.startswith("# ")


@by_name
def test_outputs_have_figures_and_text_but_no_errors_and_no_absolute_paths(path):
    outputs = [output for cell in code_cells(path) for output in cell.outputs]
    assert any(map(figures, code_cells(path)))
    assert any(output.output_type == "stream" for output in outputs)
    for output in outputs:
        assert output.output_type != "error"
        assert output.get("name") != "stderr"
    for cell in code_cells(path):
        assert not re.search(ABSOLUTE_PATH, texts(cell)), cell.source


@by_name
def test_each_figure_has_a_description(path):
    for cell in code_cells(path):
        assert figures(cell) == ("alt" in cell.metadata), cell.source
        assert not figures(cell) or 60 < len(cell.metadata["alt"]) < 400


@by_name
def test_a_question_is_before_each_figure_and_the_answer_after_it(path):
    cells = nbformat.read(path, as_version=4).cells
    assert not figures(cells[-1])
    for before, cell, after in zip(cells, cells[1:], cells[2:], strict=False):
        if figures(cell):
            assert before.cell_type == after.cell_type == "markdown"
            assert "?**" in before.source


def test_an_absolute_path_is_found():
    assert re.search(ABSOLUTE_PATH, "saved to /tmp/run")
    assert re.search(ABSOLUTE_PATH, "'/home/me/x.png'")
    assert not re.search(ABSOLUTE_PATH, "{url}/v1/models and surfaces/test/tmp/00.png")


@pytest.mark.slow
@by_name
def test_a_notebook_runs_and_shows_as_many_figures(path, run_notebook, tmp_path):
    notebook = run_notebook(path, tmp_path)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell, stored in zip(cells, code_cells(path), strict=True):
        assert cell.metadata == stored.metadata
        assert figures(cell) == figures(stored), cell.source
