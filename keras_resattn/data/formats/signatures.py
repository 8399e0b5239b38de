"""The formats of files, by their first bytes."""

import tensorflow as tf

from keras_resattn.data.formats.byte_values import first_bytes
from keras_resattn.data.formats.byte_values import separate_function
from keras_resattn.typing import Tensor

# In a signature "_" means any byte.
READ = {
    "PNG": b"\x89PNG\r\n\x1a\n",
    "JPEG": b"\xff\xd8\xff",
    "GIF": b"GIF8",
    "BMP": b"BM",
    "WebP": b"RIFF____WEBP",
}
ACCEPTED = "a PNG, JPEG, GIF, BMP or WebP image"

# The first that matches counts.
OTHERS = [
    ("an AVIF image", b"____ftypavif"),
    ("an AVIF image", b"____ftypavis"),
    ("a HEIC image", b"____ftyphei"),
    ("a HEIC image", b"____ftyphev"),
    ("a HEIF image", b"____ftypmif1"),
    ("a HEIF image", b"____ftypmsf1"),
    ("a Canon CR3 raw image", b"____ftypcrx"),
    ("a video", b"____ftyp"),
    ("a TIFF image", b"II*\0"),
    ("a TIFF image", b"MM\0*"),
    ("a TIFF image", b"II+\0"),
    ("a TIFF image", b"MM\0+"),
    ("a JPEG XL image", b"\xff\x0a"),
    ("a JPEG XL image", b"\0\0\0\x0cJXL "),
    ("a JPEG 2000 image", b"\0\0\0\x0cjP  "),
    ("a JPEG 2000 image", b"\xff\x4f\xff\x51"),
    ("a Photoshop image", b"8BPS"),
    ("an icon", b"\0\0\1\0"),
    ("a DDS image", b"DDS "),
    ("a QOI image", b"qoif"),
    ("an OpenEXR image", b"\x76\x2f\x31\x01"),
    *[
        ("a Netpbm image", b"P%d" % i + end)
        for i in range(1, 7)
        for end in (b"\n", b" ")
    ],
    ("an SVG drawing", b"<svg"),
    ("an XML file, perhaps an SVG drawing", b"<?xml"),
    ("a web page", b"<!DOCTYPE"),
    ("a web page", b"<!doctype"),
    ("a web page", b"<html"),
    ("a PDF document", b"%PDF"),
    ("a PostScript file", b"%!PS"),
    ("a ZIP archive", b"PK\3\4"),
    ("a gzip archive", b"\x1f\x8b"),
    ("a NumPy array", b"\x93NUMPY"),
    ("a video", b"RIFF____AVI "),
    ("an audio file", b"RIFF____WAVE"),
    ("a macOS resource file", b"\0\5\x16\7"),
    ("a Git LFS pointer (run: git lfs pull)", b"version https://git-lfs"),
]
LENGTH = 24


def format_number(content: Tensor) -> Tensor:
    """Return the number of a format that is read, in the order of `READ`.

    Args:
        content: A scalar string tensor, the bytes of a file.

    Returns:
        A scalar int32 tensor; `len(READ)` for any other content.
    """
    return tf.cast(_first_match(content, list(READ.values())), tf.int32)


@separate_function
def other_format(content: Tensor) -> Tensor:
    """Return what a file is that is not read, such as "a TIFF image", or ""."""
    number = _first_match(content, [signature for _, signature in OTHERS])
    return tf.constant([*(name for name, _ in OTHERS), ""])[number]


def _first_match(content, signatures):
    """Return the number of the first signature that fits, or how many there are."""
    padded = [signature.ljust(LENGTH, b"_") for signature in signatures]
    expected = tf.constant([list(signature) for signature in padded], tf.int64)
    fits = (first_bytes(content, LENGTH) == expected) | (expected == ord("_"))
    return tf.argmax(tf.concat([tf.reduce_all(fits, axis=1), [True]], axis=0))
