"""What the tests of loading ask of the model `times`."""

import numpy as np


def poll_twice(loader):
    """The first look at new files only remembers them."""
    loader.poll()
    loader.poll()


def available(loader):
    return loader.registry.available().get("times")


def status(loader, version):
    return loader.registry.statuses("times")[version]


def warm_up_file(folder):
    (folder / "assets.extra").mkdir(exist_ok=True)
    return folder / "assets.extra" / "tf_serving_warmup_requests"


def answer(servable):
    return float(servable.run("", {"x": np.float32([1])})["y"][0])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
