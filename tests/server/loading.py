"""What the tests of loading ask of the model `times`."""


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
