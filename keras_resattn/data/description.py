"""Describe labelled images in a few lines."""

from collections.abc import Sequence

from keras_resattn.data.labelled_images import LabelledImages

MOST_ROWS = 20
MOST_NAMES = 5


def describe_images(data: LabelledImages) -> list[str]:
    """Return lines with the number of images of each split and class.

    Example:

    >>> print("\\n".join(describe_images(load("photos", preprocessing))))
    photos: 240 images, 2 classes (cat, dog)
    class    training  validation
    cat           108          12
    dog           108          12
    all           216          24
    left out: 30 .tif, 2 hidden

    With more than 20 classes, there is a line with the smallest and the largest
    class of each split instead of the table.

    Args:
        data: `LabelledImages`.

    Returns:
        The lines. Those of the table have spaces between the columns.
    """
    count = sum(split.count for split in data.splits.values())
    names = _first_names(data.labels)
    title = f"{data.name}: {count:,} images, {len(data.labels)} classes ({names})"
    skipped = []
    if data.skipped:
        skipped = [f"unreadable and left out: {data.skipped_by_reason}"]
    return [title, *_counts(data), *data.notes, *skipped]


def _counts(data: LabelledImages) -> list[str]:
    if not all(split.count_by_class for split in data.splits.values()):
        parts = [f"{s.count:,} {name}" for name, s in data.splits.items()]
        return [f"{', '.join(parts)} images"]
    return _table(data) if len(data.labels) <= MOST_ROWS else _extremes(data)


def _table(data: LabelledImages) -> list[str]:
    splits = data.splits.values()
    columns = zip(*(split.count_by_class for split in splits), strict=True)
    rows = [
        ("class", *data.splits),
        *(
            (label, *(f"{n:,}" for n in counts))
            for label, counts in zip(data.labels, columns, strict=True)
        ),
        ("all", *(f"{split.count:,}" for split in splits)),
    ]
    width = min(40, max(len(row[0]) for row in rows))
    return [
        f"{name:{width}}" + "".join(f"{text:>12}" for text in texts)
        for name, *texts in rows
    ]


def _extremes(data: LabelledImages) -> list[str]:
    lines = []
    for name, split in data.splits.items():
        pairs = sorted(zip(split.count_by_class, data.labels, strict=True))
        (fewest, smallest), (most, largest) = pairs[0], pairs[-1]
        lines.append(
            f"{split.count:,} {name} images, per class {fewest:,} ({smallest}) to "
            f"{most:,} ({largest})"
        )
    return lines


def _first_names(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMES]) + (", ..." if names[MOST_NAMES:] else "")
