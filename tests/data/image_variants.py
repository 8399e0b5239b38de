"""Variants of each image format, made with Pillow or byte by byte.

Each entry of `VARIANTS` is the bytes of a file that is read as Pillow shows it.
"""

import io
import struct
import zlib
from unittest import mock

import numpy as np
from PIL import Image
from PIL import ImageFile
from PIL import ImageOps

from tests.data.encoded_images import PHOTO
from tests.data.encoded_images import PIXELS
from tests.data.encoded_images import TURNED
from tests.data.encoded_images import encoded

HEIGHT, WIDTH = PIXELS.shape[:2]
SMOOTH = PHOTO.resize((75, 50), Image.Resampling.BICUBIC)
ALPHA = np.random.default_rng(1).integers(0, 256, (50, 75), "uint8")
CLEAR = SMOOTH.copy()
CLEAR.putalpha(Image.fromarray(ALPHA))


def viewed(content, mode="RGB"):
    """Return the pixels that a viewer shows, also where the end is missing."""
    with mock.patch.object(ImageFile, "LOAD_TRUNCATED_IMAGES", True):
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
        return np.asarray(image.convert(mode)).astype(int)


def exif(orientation, order="<", kind=3):
    """Return EXIF data with entries before and after the orientation."""
    value = {1: "B3x", 3: "H2x", 4: "I"}[kind]
    entries = (
        struct.pack(f"{order}HHII", 0x010F, 2, 4, 0x41420000),
        struct.pack(f"{order}HHI{value}", 0x0112, kind, 1, orientation),
        struct.pack(f"{order}HHII", 0x8769, 4, 1, 50),  # where the empty table starts
    )
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    count = struct.pack(f"{order}H", len(entries))
    empty = b"\0" * 6
    return start + count + b"".join(entries) + b"\0" * 4 + empty


def with_segments(jpeg, *segments):
    """Put segments of a marker and its data at the start of a JPEG."""
    packed = (
        bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data
        for marker, data in segments
    )
    return jpeg[:2] + b"".join(packed) + jpeg[2:]


def with_chunk(png, kind, data, before=b"IDAT"):
    """Put a chunk into a PNG."""
    packed = struct.pack(">I", len(data)) + kind + data
    packed += struct.pack(">I", zlib.crc32(kind + data))
    place = png.index(before) - 4
    return png[:place] + packed + png[place:]


def bmp(bits, rows, palette=b"", compression=0, masks=b"", top_down=False, old=False):
    """Return a BMP of rows of bytes, from top to bottom."""
    rows = [row + b"\0" * (-len(row) % 4) for row in rows]
    data = b"".join(rows if top_down else rows[::-1])
    height = -HEIGHT if top_down else HEIGHT
    if old:
        header = struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, bits)
    else:
        sizes = (40, WIDTH, height, 1, bits, compression, len(data), 0, 0, 0, 0)
        header = struct.pack("<IiiHHIIiiII", *sizes)
    start = 14 + len(header) + len(masks) + len(palette)
    first = struct.pack("<2sIII", b"BM", start + len(data), 0, start)
    return first + header + masks + palette + data


BGR = PIXELS[..., ::-1]
FEW = PHOTO.quantize(16)
INDICES = np.asarray(FEW)
COLORS = np.array(FEW.getpalette()[:48], "uint8").reshape(16, 3)
PALETTE = np.pad(COLORS[:, ::-1], ((0, 0), (0, 1))).tobytes()
OLD_PALETTE = np.pad(COLORS[:, ::-1], ((0, 240), (0, 0))).tobytes()
HALVES = [
    bytes(np.pad(row, (0, 1))[::2] << 4 | np.pad(row, (0, 1))[1::2]) for row in INDICES
]
FIVES = PIXELS.astype("uint16") >> 3
RGB555 = FIVES[..., 0] << 10 | FIVES[..., 1] << 5 | FIVES[..., 2]
RGB565 = (
    FIVES[..., 0] << 11 | (PIXELS[..., 1].astype("uint16") >> 2) << 5 | FIVES[..., 2]
)
BGRA = np.concatenate([BGR, np.full((HEIGHT, WIDTH, 1), 9, "uint8")], axis=-1)
MASKS_565 = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
MASKS_XBGR = struct.pack("<III", 0xFF000000, 0xFF0000, 0xFF00)


def rows_of(array):
    return [row.tobytes() for row in array]


BMP = {
    "1 bit": encoded(PHOTO.convert("1"), "BMP"),
    "palette of 1 bit": encoded(PHOTO.quantize(2), "BMP", bits=1),
    "palette of 4 bits": bmp(4, HALVES, PALETTE),
    "palette of 8 bits": encoded(PHOTO.quantize(200), "BMP"),
    "grey": encoded(PHOTO.convert("L"), "BMP"),
    "old header": bmp(8, rows_of(INDICES), OLD_PALETTE, old=True),
    "16 bits": bmp(16, rows_of(RGB555)),
    "16 bits with masks": bmp(16, rows_of(RGB565), b"", 3, MASKS_565),
    "24 bits": encoded(PHOTO, "BMP"),
    "24 bits from the top": bmp(24, rows_of(BGR), top_down=True),
    "palette from the top": bmp(8, rows_of(INDICES), PALETTE, top_down=True),
    "32 bits": bmp(32, rows_of(BGRA)),
    "32 bits of Pillow": encoded(CLEAR, "BMP"),
    "32 bits with masks": bmp(32, rows_of(BGRA), b"", 3, MASKS_XBGR),
    "trailing bytes": encoded(PHOTO, "BMP") + b"trailing",
}

PNG = {
    "colours": encoded(SMOOTH, "PNG"),
    "transparent": encoded(CLEAR, "PNG"),
    "grey and transparent": encoded(CLEAR.convert("LA"), "PNG"),
    "grey": encoded(SMOOTH.convert("L"), "PNG"),
    "1 bit": encoded(SMOOTH.convert("1"), "PNG"),
    "palette of 8 bits": encoded(SMOOTH.quantize(200), "PNG"),
    "palette of 4 bits": encoded(SMOOTH.quantize(13), "PNG"),
    "palette of 2 bits": encoded(SMOOTH.quantize(4), "PNG"),
    "transparent palette": encoded(SMOOTH.quantize(13), "PNG", transparency=3),
    "transparent colour": encoded(SMOOTH, "PNG", transparency=(1, 2, 3)),
    "trailing bytes": encoded(SMOOTH, "PNG") + b"trailing",
    "animated": encoded(PHOTO, "PNG", save_all=True, append_images=[TURNED]),
}

JPEG = {
    "colours": encoded(SMOOTH, "JPEG"),
    "progressive": encoded(SMOOTH, "JPEG", progressive=True),
    "coarse": encoded(SMOOTH, "JPEG", quality=20),
    "full colours": encoded(SMOOTH, "JPEG", subsampling=0),
    "restart markers": encoded(SMOOTH, "JPEG", restart_marker_blocks=2),
    "grey": encoded(SMOOTH.convert("L"), "JPEG"),
    "cmyk": encoded(SMOOTH.convert("CMYK"), "JPEG"),
    "trailing bytes": encoded(SMOOTH, "JPEG") + b"trailing" * 9,
    "fill bytes": b"\xff\xd8" + b"\xff" * 5 + encoded(SMOOTH, "JPEG")[2:],
}


def gif_of_a_part(left, top, transparency=None):
    """Return a GIF whose first frame is not where its screen is."""
    options = {} if transparency is None else {"transparency": transparency}
    gif = bytearray(encoded(SMOOTH.quantize(13), "GIF", **options))
    size = struct.pack("<HH", *SMOOTH.size)
    place = gif.index(b"\x2c" + b"\0" * 4 + size)
    gif[place + 1 : place + 5] = struct.pack("<HH", left, top)
    gif[6:10] = struct.pack("<HH", 90, 60)
    return bytes(gif)


GIF = {
    "colours": encoded(SMOOTH, "GIF"),
    "grey": encoded(SMOOTH.convert("L"), "GIF"),
    "interlaced": encoded(SMOOTH, "GIF", interlace=1),
    "transparent": encoded(SMOOTH.quantize(13), "GIF", transparency=3),
    "animated": encoded(PHOTO, "GIF", save_all=True, append_images=[TURNED]),
    "small frame": gif_of_a_part(5, 3),
    "small transparent frame": gif_of_a_part(2, 9, transparency=4),
    "frame beyond the screen": gif_of_a_part(40, 30),
    "comment": encoded(SMOOTH, "GIF", comment=b"of any kind" * 50),
}

WEBP = {
    "lossy": encoded(SMOOTH, "WEBP"),
    "lossless": encoded(SMOOTH, "WEBP", lossless=True),
    "transparent": encoded(CLEAR, "WEBP"),
    "transparent and lossless": encoded(CLEAR, "WEBP", lossless=True),
    "exact": encoded(CLEAR, "WEBP", lossless=True, exact=True),
}

ORIENTED = {
    f"{name} {orientation}": content
    for orientation in range(1, 9)
    for name, content in {
        "jpeg": encoded(SMOOTH, "JPEG", exif=exif(orientation)),
        "jpeg, big endian": with_segments(
            encoded(SMOOTH, "JPEG"), (0xE1, b"Exif\0\0" + exif(orientation, ">"))
        ),
        "jpeg, after others": with_segments(
            encoded(SMOOTH, "JPEG"),
            (0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
            (0xE2, b"ICC_PROFILE\0" + bytes(60_000)),
            (0xE2, b"ICC_PROFILE\0" + bytes(65_000)),
            (0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"),
            (0xFE, b"Exif\0\0 in a comment"),
            (0xE1, b"Exif\0\0" + exif(orientation, kind=4)),
        ),
        "jpeg without its end": encoded(SMOOTH, "JPEG", exif=exif(orientation, ">"))[
            :-2
        ],
        "png": with_chunk(encoded(SMOOTH, "PNG"), b"eXIf", exif(orientation)),
        "png, at the end": with_chunk(
            encoded(CLEAR, "PNG"), b"eXIf", exif(orientation, ">"), b"IEND"
        ),
        "webp": encoded(SMOOTH, "WEBP", exif=exif(orientation)),
        "webp, as jpeg": encoded(
            CLEAR, "WEBP", lossless=True, exif=b"Exif\0\0" + exif(orientation, ">")
        ),
    }.items()
}

VARIANTS = {
    f"{format}: {name}": content
    for format, variants in {
        "BMP": BMP,
        "PNG": PNG,
        "JPEG": JPEG,
        "GIF": GIF,
        "WebP": WEBP,
        "EXIF": ORIENTED,
    }.items()
    for name, content in variants.items()
}
