"""Files of pictures, from anybody: PNG, JPEG, BMP, GIF or WebP, told by their content.

Bounds are checked before anything is decoded, and nothing but these five decoders is
ever tried: a renamed EPS or TIFF is refused.
"""

import math
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from torchbasics.command.errors import as_user_error
from torchbasics.command.files import read_regular

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
MAX_BYTES = 10_000_000
MAX_PIXELS, MAX_SIDE = 25_000_000, 20_000
BROKEN = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, MemoryError,
    OverflowError, NotImplementedError, struct.error, zlib.error,
)  # fmt: skip
"""What Pillow's decoders raise at files that are not whole or not honest."""


def read_image(path: Path) -> Tensor:
    """The picture in a file, as `decode_image` gives it. Shape: uint8 (H, W, 3).

    Raises UserError where there is no file, or no picture in it.
    """
    content = read_regular(path, MAX_BYTES, follow=True)
    with as_user_error(ValueError, f"{path} "):
        return decode_image(content)


def decode_image(content: bytes) -> Tensor:
    """The picture that a file's content stands for: upright, white where it is clear.

    Of a film it is the first frame; of 16 bits a colour the higher 8 are kept.
    Shape: uint8 (H, W, 3), red, green, blue. Raises ValueError.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of bombs, refused here, and odd EXIF
            image = Image.open(BytesIO(content), formats=FORMATS)
            if math.prod(image.size) <= MAX_PIXELS and max(image.size) <= MAX_SIDE:
                pixels = _pixels(ImageOps.exif_transpose(image))
                return torch.from_numpy(pixels)
    except UnidentifiedImageError:
        raise ValueError(
            "is no picture that can be read: give PNG, JPEG, BMP, GIF or WebP"
        ) from None
    except BROKEN:
        raise ValueError("is torn or broken: save the picture anew") from None
    except Image.DecompressionBombError:
        pass  # what Pillow itself finds too large
    limits = f"{MAX_PIXELS:,} pixels, or {MAX_SIDE:,} on a side"
    raise ValueError(f"says it has more than {limits}: make it smaller")


def _pixels(image: Image.Image) -> np.ndarray[Any, Any]:
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip to 8
        grey = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        image = Image.fromarray(grey)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.array(image.convert("RGB"))
