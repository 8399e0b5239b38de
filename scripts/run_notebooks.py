"""Run the notebooks and store their outputs.

    python scripts/run_notebooks.py             # all notebooks
    python scripts/run_notebooks.py quickstart  # notebooks with this in their names

It needs the extra `notebooks`. Each notebook runs in an empty folder, with this Python.
Messages on standard error and the times of cells are not stored. Figures have 256
colours. A cell with a figure has a description of it for readers who cannot see it:
`alt` in the metadata of the cell. nbconvert writes it into HTML with
`--template classic`.
"""

import base64
import io
import os
import sys
import tempfile
from pathlib import Path

import nbclient
import nbformat
import PIL.Image

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
PACKAGE = NOTEBOOKS.parent


def run_notebook(path, folder):
    """Run a notebook in a folder.

    Args:
        path: The path of the notebook.
        folder: The folder to run it in.

    Returns:
        The notebook with the new outputs.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    # Import the package from this clone, even if it is not installed.
    places = [str(PACKAGE), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, places))
    resources = {"metadata": {"path": str(folder)}}
    client = nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources=resources
    )
    client.execute()
    for cell in notebook.cells:
        cell.metadata = {k: text for k, text in cell.metadata.items() if k == "alt"}
        if cell.cell_type == "code":
            cell.outputs = [
                _light(o) for o in cell.outputs if o.get("name") != "stderr"
            ]
    return notebook


def _light(output):
    """Return an output. If it has an image, reduce the image to 256 colours."""
    data = output.get("data", {})
    if "image/png" in data:
        picture = PIL.Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
        png = io.BytesIO()
        picture = picture.convert("RGB")
        # Other methods lose the rare colours at the ends of colour bars.
        picture = picture.quantize(256, PIL.Image.Quantize.MAXCOVERAGE, 1)
        picture.save(png, "PNG", optimize=True)
        data["image/png"] = base64.b64encode(png.getvalue()).decode()
    return output


def main():
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if any(part in path.name for part in sys.argv[1:] or [""]):
            with tempfile.TemporaryDirectory() as folder:
                notebook = run_notebook(path, folder)
            nbformat.write(notebook, path)
            print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
