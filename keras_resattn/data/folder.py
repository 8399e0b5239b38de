"""A folder of class folders as a list of files with labels."""

import tensorflow as tf

EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")


def load_folder(root):
    """List the images in a folder of class folders.

    Args:
        root: A `pathlib.Path`. Either it holds one folder of images a class,
            of which every tenth image is held out for testing, or it holds two
            such folders: `train`, and `test`, `validation` or `val`.

    Returns:
        The labels, sorted, and two lists of pairs of a path and the number of
        its label: to train on and to test on.

    Raises:
        ValueError: If there are no class folders or no images, or if the
            classes to test on are not those to train on.
    """
    train_root, test_root = _split_folders(root)
    labels, train = _labelled_files(train_root)
    if test_root is None:
        test = [file for i, file in enumerate(train) if i % 10 == 9]
        train = [file for i, file in enumerate(train) if i % 10 != 9]
        if not test:
            raise ValueError(
                "There are too few images to hold out each tenth for testing; "
                f"give 10 or more. Received: {root} with {len(train)} images"
            )
        return labels, (train, test)
    test_labels, test = _labelled_files(test_root)
    if test_labels != labels:
        raise ValueError(
            f"The classes in {train_root} and {test_root} differ. "
            f"Received: {list(labels)} and {list(test_labels)}"
        )
    return labels, (train, test)


def _split_folders(root):
    if (root / "train").is_dir():
        for name in ("test", "validation", "val"):
            if (root / name).is_dir():
                return root / "train", root / name
    return root, None


def _labelled_files(root):
    folders = sorted(
        path
        for path in root.iterdir()
        if path.is_dir() and not path.name.startswith(".")
    )
    if len(folders) < 2:
        raise ValueError(
            "A folder of images needs two or more folders in it, one a class, "
            f"named after the class. Received: {root} with {len(folders)} folders"
        )
    files = [
        (str(path), number)
        for number, folder in enumerate(folders)
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in EXTENSIONS
    ]
    empty = [f.name for i, f in enumerate(folders) if i not in {n for _, n in files}]
    if empty:
        raise ValueError(
            f"These class folders have no images ({', '.join(EXTENSIONS)}); fill or "
            f"remove them. Received: {root} with {', '.join(empty)}"
        )
    return tuple(folder.name for folder in folders), files


def check_images(paths, preprocessing):
    """Raise a `ValueError` that names the first image that cannot be decoded.

    Args:
        paths: Paths of image files.
        preprocessing: The `Preprocessing` to decode with.
    """
    for path in paths:
        try:
            preprocessing.decode(tf.io.read_file(str(path)))
        except tf.errors.OpError as error:
            raise ValueError(
                "This file is no readable image (PNG, JPEG, GIF, BMP or WebP); "
                f"replace or remove it. Received: {path}"
            ) from error
