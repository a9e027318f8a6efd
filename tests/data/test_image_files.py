"""Files of pictures: read rightly, or refused in one sentence."""

import os
import struct
import zlib
from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

from torchbasics.command.errors import UserError
from torchbasics.data.image_files import FORMATS, MAX_BYTES, decode_image, read_image

GREY = np.linspace(0, 255, 24 * 32).reshape(24, 32).round().astype(np.uint8)
COLOURS = np.stack([GREY, GREY[::-1], 255 - GREY], axis=2)


def encoded(image, kind="PNG", **options):
    """The file that Pillow makes of a picture."""
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_each_kind_is_read(kind):
    pixels = decode_image(encoded(Image.fromarray(COLOURS), kind))
    assert (pixels.shape, pixels.dtype) == ((24, 32, 3), torch.uint8)
    difference = (pixels.int() - torch.from_numpy(COLOURS)).abs().float().mean()
    assert difference < (12 if kind in ("JPEG", "WEBP", "GIF") else 1e-9)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
def test_each_mode_is_read_as_its_colours(mode):
    image = Image.fromarray(COLOURS).convert(mode)
    wanted = np.asarray(image.convert("RGB"))
    assert np.array_equal(decode_image(encoded(image)).numpy(), wanted)


def test_16_bits_of_grey_keep_the_higher_8():
    image = Image.fromarray(GREY.astype(np.uint16) * 257)
    assert image.mode.startswith("I;16")
    assert np.array_equal(decode_image(encoded(image)).numpy()[..., 0], GREY)


def test_16_bits_of_each_colour_keep_the_higher_8():
    row = b"\0" + 2 * b"\x12\x34\xab\xcd\xff\x00"
    parts = [(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0))]
    parts += [(b"IDAT", zlib.compress(2 * row)), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data
        + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )  # fmt: skip
    assert decode_image(content).tolist() == [[[0x12, 0xAB, 0xFF]] * 2] * 2


def test_cmyk_is_read_as_its_colours():
    image = Image.fromarray(COLOURS).convert("CMYK")
    pixels = decode_image(encoded(image, "JPEG", quality=95)).int().numpy()
    assert np.abs(pixels - COLOURS).mean() < 12


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_clear_is_white(mode):
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.putpixel((3, 2), (0, 0, 0, 255))
    if mode == "P":
        image = Image.new("P", (8, 8), 0)
        image.putpalette([0, 0, 0, 0, 0, 0])
        image.putpixel((3, 2), 1)
        content = encoded(image, transparency=0)
    else:
        content = encoded(image.convert(mode))
    pixels = decode_image(content)[..., 0]
    assert pixels[2, 3] == 0
    assert int((pixels == 255).sum()) == 63


UPRIGHT = Image.fromarray(COLOURS)
BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What a camera that is held so makes of an upright picture, by EXIF's number."""


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_camera_that_was_turned_is_turned_back(turn, kind):
    exif = Image.Exif()
    exif[0x0112] = turn
    taken = UPRIGHT if turn == 1 else UPRIGHT.transpose(BACK[turn])
    pixels = decode_image(encoded(taken, kind, exif=exif)).int()
    difference = (pixels - torch.from_numpy(COLOURS)).abs().float().mean()
    assert difference < (12 if kind == "JPEG" else 1e-9)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_a_film_is_read(kind):
    first, second = (Image.new("RGB", (9, 9), (s, s, s)) for s in (10, 200))
    options = {} if kind == "GIF" else {"lossless": True}
    film = encoded(first, kind, save_all=True, append_images=[second], **options)
    assert Image.open(BytesIO(film)).n_frames == 2
    assert (decode_image(film) == 10).all()


def png_of_size(width, height):
    """The head of a PNG that says it is so large."""
    content = bytearray(encoded(Image.new("L", (1, 1))))
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


BAD = {
    "nothing": (b"", "no picture that can be read: give PNG"),
    "text": (b"seven", "no picture"),
    "tiff": (encoded(Image.new("L", (9, 9)), "TIFF"), "no picture"),
    "eps": (encoded(Image.new("L", (9, 9)), "EPS"), "no picture"),
    "ico": (encoded(Image.new("L", (16, 16)), "ICO"), "no picture"),
    "bomb": (png_of_size(5_001, 5_000), "has more than 25,000,000 pixels"),
    "large bomb": (png_of_size(10_000, 10_000), "has more than 25,000,000 pixels"),
    "huge bomb": (png_of_size(60_000, 60_000), "has more than 25,000,000 pixels"),
    "real bomb": (encoded(Image.new("1", (5_001, 5_000))), "has more than 25,000,000"),
    "wide": (png_of_size(1_000_000, 20), "or 20,000 on a side"),
    "high": (png_of_size(1, 25_000_000), "or 20,000 on a side"),
    "no width": (png_of_size(0, 5), "no picture|torn"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_picture_is_refused_in_a_sentence(tmp_path, name):
    content, sentence = BAD[name]
    path = tmp_path / "seven.png"
    path.write_bytes(content)
    with pytest.raises(UserError, match=sentence) as refusal:
        read_image(path)
    assert str(refusal.value).startswith(str(path))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_torn_picture_is_refused_wherever_it_ends(kind):
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    noise = np.random.default_rng(1).integers(0, 256, COLOURS.shape).astype(np.uint8)
    content = encoded(Image.fromarray(noise), kind)
    for end in range(0, len(content) - 64, max(1, len(content) // 40)):
        with pytest.raises(ValueError, match=r"no picture|is torn"):
            decode_image(content[:end])


@pytest.mark.parametrize("kind", FORMATS)
def test_an_altered_picture_is_read_or_refused_and_nothing_else(kind):
    content = encoded(Image.fromarray(COLOURS), kind)
    rng = np.random.default_rng(2)
    for _ in range(150):
        altered = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            altered[place] = rng.integers(0, 256)
        with suppress(ValueError):
            assert decode_image(bytes(altered)).shape[2] == 3


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with (tmp_path / "giant.png").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    for name, sentence in [
        ("pipe.png", "it is no regular file"),
        ("gone.png", "No such file"),
        (".", "directory|regular"),
        ("giant.png", "10,000,001 bytes; 10,000,000 can"),
    ]:
        with pytest.raises(UserError, match=sentence):
            read_image(tmp_path / name)


def test_a_link_that_a_user_names_is_followed(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(Image.fromarray(COLOURS)))
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    assert read_image(tmp_path / "b.png").shape == (24, 32, 3)
