"""Images of every format that is read, encoded by Pillow."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 20, 33
PIXELS = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), "uint8")
PHOTO = Image.fromarray(PIXELS)
DEEP = Image.fromarray(PIXELS[..., 0].astype("uint16") * 257)
TURNED = PHOTO.transpose(Image.Transpose.ROTATE_180)


def encoded(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


FINE = {
    "png": encoded(PHOTO, "PNG"),
    "png of a palette": encoded(PHOTO.convert("P"), "PNG"),
    "transparent png": encoded(PHOTO.convert("RGBA"), "PNG"),
    "grey png": encoded(PHOTO.convert("L"), "PNG"),
    "png of 16 bits": encoded(DEEP, "PNG"),
    "jpeg": encoded(PHOTO, "JPEG"),
    "grey jpeg": encoded(PHOTO.convert("L"), "JPEG"),
    "progressive jpeg": encoded(PHOTO, "JPEG", progressive=True),
    "cmyk jpeg": encoded(PHOTO.convert("CMYK"), "JPEG"),
    "gif": encoded(PHOTO, "GIF"),
    "animated gif": encoded(PHOTO, "GIF", save_all=True, append_images=[TURNED]),
    "bmp": encoded(PHOTO, "BMP"),
    "webp": encoded(PHOTO, "WEBP"),
    "lossless webp": encoded(PHOTO, "WEBP", lossless=True),
    "webp with metadata": encoded(PHOTO, "WEBP", exif=Image.Exif().tobytes()),
}


def png_header(width, height):
    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", b"")
