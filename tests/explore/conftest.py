import base64
import io
import re

import numpy as np
import PIL.Image
import pytest

from keras_resattn.explore import Explorer


@pytest.fixture(scope="session")
def explorer(model_folder):
    folder = model_folder
    return Explorer(folder.model, folder.labels, folder.preprocessing)


@pytest.fixture(scope="session")
def inputs(model_folder, pictures):
    """The pictures as the model takes them."""
    images = model_folder.images(pictures)
    return model_folder.preprocessing.standardize(images).numpy()


@pytest.fixture(scope="session")
def bad_files(tmp_path_factory, pictures):
    """Files that are no images, by name."""
    folder = tmp_path_factory.mktemp("bad")
    contents = {
        "text.png": b"no image",
        "empty.png": b"",
        "cut.png": next(p for p in pictures if p.suffix == ".png").read_bytes()[:99],
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    # A black square of 8,000 x 8,000 is a file of 8 kB.
    PIL.Image.new("1", (8000, 8000)).save(folder / "huge.png")
    return {path.name: path for path in folder.iterdir()}


def pixels_in(html):
    """Return the pictures in HTML as uint8 arrays."""
    sources = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    files = (io.BytesIO(base64.b64decode(source)) for source in sources)
    images = [PIL.Image.open(file) for file in files]
    return [np.asarray(i.convert("RGB") if i.mode == "P" else i) for i in images]
