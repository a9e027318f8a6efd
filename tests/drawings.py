"""Pictures that are not MNIST: digits drawn and typeset, scanned and photographed.

All are made by a generator of NumPy's, so that a seed names a set. What `prepare` and
`predict` are made of was chosen by other seeds than those that the tests count, and by
the letters and fonts of OTHER.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FOLDER = Path(mpl.get_data_path()) / "fonts" / "ttf"
FONTS = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSerif",
    "DejaVuSerif-Italic", "DejaVuSansMono", "STIXGeneral", "STIXGeneralBol",
    "STIXGeneralItalic", "cmss10", "cmr10", "cmtt10",
)  # fmt: skip
OTHER_FONTS = (
    "DejaVuSans-BoldOblique", "DejaVuSansMono-Bold", "DejaVuSerif-Bold",
    "STIXGeneralBolIta", "DejaVuSansMono-Oblique", "DejaVuSerif-BoldItalic",
)  # fmt: skip
CLEAN = ("pen", "thin", "thick", "font", "blue", "inverted", "off-centre", "turned")
PHOTOS = ("light", "lined", "shadow", "noisy")

# A digit's strokes: points in a box 1 wide and 1 high that a smooth curve goes through;
# a point that is named twice is a corner.
STROKES = {
    0: ["50,0 15,15 5,50 20,90 50,100 85,85 95,50 80,12 48,1"],
    1: ["50,0 50,0 50,100 50,100"],
    2: ["8,22 30,2 70,3 85,28 60,60 8,98 8,98 8,98 95,97"],
    3: ["10,10 45,0 82,18 70,42 40,48 40,48 75,52 92,75 60,99 8,90"],
    4: ["60,0 60,0 5,65 5,65 98,65", "72,30 72,30 70,100"],
    5: ["85,2 85,2 22,2 22,2 15,45 15,45 55,38 90,65 65,98 10,95"],
    6: ["75,0 30,30 8,70 35,100 80,90 85,62 50,50 15,68"],
    7: ["5,3 5,3 95,3 95,3 60,50 40,100"],
    8: ["80,15 50,0 18,18 45,46 85,75 55,100 15,80 45,50 82,25 72,5"],
    9: ["85,20 50,0 12,25 45,52 82,30 85,20 85,20 80,60 70,100"],
}
LETTERS = {
    "A": ["50,0 50,0 2,100", "50,0 50,0 98,100", "20,62 80,62"],
    "E": ["90,0 90,0 8,0 8,0 8,100 8,100 92,100", "8,48 75,48"],
    "F": ["90,0 90,0 8,0 8,0 8,100", "8,48 75,48"],
    "H": ["8,0 8,100", "92,0 92,100", "8,50 92,50"],
    "K": ["8,0 8,100", "90,0 90,0 8,55 8,55 92,100"],
    "M": ["5,100 5,100 12,0 12,0 50,70 50,70 88,0 88,0 95,100"],
    "N": ["8,100 8,100 8,0 8,0 92,100 92,100 92,0"],
    "R": ["8,100 8,100 8,0 8,0 70,3 85,25 65,50 8,52 8,52 92,100"],
    "T": ["2,0 98,0", "50,0 50,100"],
    "W": ["2,0 2,0 25,100 25,100 50,25 50,25 75,100 75,100 98,0"],
    "X": ["5,0 95,100", "95,0 5,100"],
}
OTHER_LETTERS = {
    "G": ["90,18 60,0 12,25 8,75 50,100 92,85 92,85 92,55 92,55 55,55"],
    "L": ["10,0 10,0 10,100 10,100 90,100"],
    "J": ["80,0 80,0 80,75 50,100 12,82"],
    "gamma": ["10,100 10,100 10,0 10,0 92,0"],
    "delta": ["50,0 50,0 2,100 2,100 98,100 98,100 50,0"],
    "lambda": ["2,100 2,100 50,0 50,0 98,100"],
    "xi": ["5,3 95,3", "20,50 80,50", "5,97 95,97"],
    "pi": ["8,100 8,100 8,0 8,0 92,0 92,0 92,100"],
    "sigma": ["92,3 92,3 8,3 8,3 55,50 55,50 8,97 8,97 92,97"],
    "phi": ["50,0 50,100", "50,20 10,35 10,65 50,80 90,65 90,35 50,20"],
    "psi": ["50,0 50,100", "8,5 12,50 50,65 88,50 92,5"],
    "h": ["12,0 12,100", "12,55 50,35 85,55 88,100"],
    "k": ["12,0 12,100", "80,35 80,35 12,68 12,68 85,100"],
    "m": ["5,20 5,100", "5,40 28,20 48,40 50,100", "50,40 72,20 93,40 95,100"],
    "n": ["12,10 12,100", "12,40 50,10 88,40 88,100"],
    "r": ["15,10 15,100", "15,45 45,12 85,15"],
    "u": ["10,0 12,70 45,100 85,75", "88,0 88,100"],
    "t": ["45,0 45,80 65,100 90,92", "10,30 85,30"],
    "f": ["85,10 60,0 45,20 45,100", "12,45 80,45"],
    "y": ["8,0 8,0 50,60", "92,0 92,0 20,100"],
    "e": ["10,50 10,50 90,50 90,50 75,8 40,0 8,35 15,85 55,100 90,80"],
    "a": ["85,20 45,0 10,45 40,95 80,70 88,5 88,5 88,80 98,98"],
    "be": ["88,0 88,0 10,0 10,0 10,100 10,100 70,98 90,75 70,50 10,48"],
    "de": [
        "15,80 15,80 35,0 35,0 70,0 70,0 70,80",
        "2,100 2,100 2,80 2,80 98,80 98,80 98,100",
    ],
    "zhe": ["50,0 50,100", "5,0 95,100", "95,0 5,100"],
    "i": ["8,0 8,0 8,100 8,100 92,0 92,0 92,100"],
    "sha": ["5,0 5,0 5,100 5,100 95,100 95,100 95,0", "50,0 50,100"],
    "shcha": ["5,0 5,0 5,85 5,85 98,85 98,85 98,100", "45,0 45,85", "88,0 88,85"],
    "reversed e": ["10,15 45,0 85,25 88,70 50,100 8,85", "40,50 88,50"],
    "yu": ["5,0 5,100", "5,50 40,50", "70,0 42,30 42,70 70,100 97,70 97,30 70,0"],
    "ya": ["92,100 92,100 92,0 92,0 30,3 15,28 35,50 92,52", "50,52 8,100"],
    "tse": ["8,0 8,0 8,85 8,85 98,85 98,85 98,100", "85,0 85,85"],
    "hard": ["2,0 2,0 30,0 30,0 30,100 30,100 75,98 95,75 75,50 30,48"],
    "plus": ["50,5 50,95", "5,50 95,50"],
    "square": ["5,5 5,5 95,5 95,5 95,95 95,95 5,95 5,95 5,5"],
    "arrow": ["5,50 95,50", "60,20 60,20 95,50 95,50 60,80"],
    "star": ["50,0 50,0 80,95 80,95 3,35 3,35 97,35 97,35 20,95 20,95 50,0"],
    "question": ["12,25 40,0 85,15 80,45 50,60 50,75", "50,92 50,97"],
    "heart": ["50,100 50,100 5,40 20,5 50,25 50,25 80,5 95,40 50,100 50,100"],
    "house": ["5,100 5,100 5,45 5,45 50,0 50,0 95,45 95,45 95,100 95,100 5,100"],
}
TYPESET = {
    FONTS: "ACEFHKMNPRTUVWXY",
    OTHER_FONTS: "abdefhkmnprtuvwxyGJLQ?&#@+=$"  # and Greek and Cyrillic capitals
    "\u0393\u0394\u0398\u039b\u039e\u03a0\u03a3\u03a6\u03a8\u03a9"
    "\u0411\u0413\u0414\u0416\u0418\u041b\u041f\u0424\u0426"
    "\u0427\u0428\u0429\u042a\u042b\u042d\u042e\u042f",
}
ALL_STROKES = STROKES | LETTERS | OTHER_LETTERS


def curve(text, rng):
    """The points of a smooth curve through the named ones, each moved a little."""
    named = np.array([[float(x) for x in pair.split(",")] for pair in text.split()])
    again = np.all(named[1:] == named[:-1], axis=1)
    points = named / 100 + rng.normal(0, 0.02, named.shape)
    for index in np.flatnonzero(again):
        points[index + 1] = points[index]
    points = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, 12, endpoint=False)[:, None]
    parts = []
    for a, b, c, d in zip(points, points[1:], points[2:], points[3:], strict=False):
        cubic = (3 * b - a - 3 * c + d, 2 * a - 5 * b + 4 * c - d, c - a, 2 * b)
        parts.append(
            0.5 * (cubic[0] * t**3 + cubic[1] * t**2 + cubic[2] * t + cubic[3])
        )
    return np.concatenate([*parts, points[-1:]])


def drawn(symbol, rng, *, height, pen):
    """A symbol by hand: its ink, 0 to 1, no wider than it is."""
    strokes = ALL_STROKES[symbol]
    aspect, slant = rng.uniform(0.5, 0.8), rng.uniform(-0.12, 0.25)
    radius, margin = height * pen, 2 * height * pen  # twice as fine as it will be
    size = 2 * height
    image = Image.new(
        "L", [int(size * (aspect + 0.3) + 2 * margin), int(size + 2 * margin)]
    )
    brush = ImageDraw.Draw(image)
    for stroke in strokes:
        x, y = curve(stroke, rng).T
        across = margin + size * (x * aspect + slant * (1 - y) + max(0, -slant))
        places = np.stack([across, margin + size * y], 1)
        brush.line([*map(tuple, places)], fill=255, width=max(1, round(2 * radius)))
        for x, y in places:
            brush.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
    ink = np.asarray(image.reduce(2)) / 255
    return ink[:, ink.any(0)]


def typeset(symbol, rng, *, height, fonts):
    """A symbol in one of the fonts that come with matplotlib: its ink, 0 to 1."""
    font = ImageFont.truetype(FOLDER / f"{rng.choice(fonts)}.ttf", round(1.35 * height))
    left, top, right, bottom = font.getbbox(str(symbol))
    image = Image.new("L", (right - left + 8, bottom - top + 8))
    ImageDraw.Draw(image).text((4 - left, 4 - top), str(symbol), font=font, fill=255)
    return np.asarray(image) / 255


def turned(ink, degrees):
    """The ink, turned, in a frame that holds it."""
    image = Image.fromarray(np.uint8(255 * ink))
    return (
        np.asarray(image.rotate(degrees, Image.Resampling.BICUBIC, expand=True)) / 255
    )


def laid(ink, shape, rng, spread=0.15):
    """The ink somewhere near the middle of a larger sheet, or anywhere for spread 1."""
    sheet = np.zeros(np.maximum(shape, np.array(ink.shape) + 8))
    room = np.array(sheet.shape) - ink.shape
    at = (room * (0.5 + spread * rng.uniform(-0.5, 0.5, 2))).astype(int)
    sheet[at[0] : at[0] + ink.shape[0], at[1] : at[1] + ink.shape[1]] = ink
    return sheet


def inked(sheet, ink=(25, 25, 30), paper=(250, 250, 248)):
    """A sheet in colours."""
    return sheet[..., None] * np.array(ink) + (1 - sheet[..., None]) * np.array(paper)


def as_bytes(picture):
    """Colours as 8 bits each."""
    return np.uint8(np.clip(np.round(picture), 0, 255))


def picture(symbol, kind, rng, fonts=FONTS):
    """One picture of a digit, letter or nothing, of one of the kinds above."""
    photo = kind in PHOTOS
    height = rng.uniform(110, 200) if photo or kind != "off-centre" else 60
    pen = {"thin": 0.025, "thick": 0.15}.get(kind, 0.07) * rng.uniform(0.8, 1.2)
    if symbol is None:
        ink = np.zeros((9, 9))
    elif kind == "font":
        ink = typeset(symbol, rng, height=height, fonts=fonts)
    else:
        ink = drawn(symbol, rng, height=height, pen=pen)
    if kind == "turned" or photo:
        ink = turned(
            ink, 10 * rng.choice([-1, 1]) * (rng.uniform(0, 0.6) if photo else 1)
        )
    shape = (rng.uniform(1.4, 2.2, 2) * height).astype(int)
    shape = (360, 480) if photo or kind == "off-centre" else shape
    sheet = laid(ink, shape, rng, 1 if kind == "off-centre" else 0.3)
    if photo:
        return photographed(sheet, kind, rng)
    colours = {
        "blue": ((40, 60, 180), (252, 248, 235)),
        "inverted": ((245, 245, 245), (20, 40, 30)),
    }.get(kind, ((25, 25, 30), (250, 250, 248)))
    return as_bytes(inked(sheet, *colours))


def photographed(sheet, kind, rng):
    """A sheet of paper as a camera sees it: uneven light, blur, noise."""
    height, width = sheet.shape
    y, x = np.mgrid[0:height, 0:width] / [[[height]], [[width]]]
    ink = (70, 70, 75) if kind == "noisy" else (40, 45, 90)
    scene = inked(sheet, ink, (225, 220, 205))
    if kind == "lined":
        ruled = np.arange(height) % 45 < 2
        scene[ruled] = np.minimum(scene[ruled], [165, 185, 215])
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5)
    light = 0.75 + (0.7 if kind == "light" else 0.25) * slope
    light -= 0.3 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)
    if kind == "shadow":
        light *= 1 - 0.45 / (1 + np.exp(-(slope - rng.uniform(-0.2, 0.2)) * 40))
    image = Image.fromarray(as_bytes(scene * light[..., None]))
    image = np.asarray(image.filter(ImageFilter.GaussianBlur(1.2)), dtype=float)
    return as_bytes(image + rng.normal(0, 14 if kind == "noisy" else 4, image.shape))


def digits_of(kinds, count, seed):
    """Pictures with their digits, each digit and kind equally often."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        digit, kind = index % 10, kinds[index // 10 % len(kinds)]
        yield picture(digit, kind, rng), digit, kind


def letters(count, seed, *, fonts=FONTS, strokes=LETTERS):
    """Letters, every other one drawn by hand."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        if index % 2:
            yield picture(rng.choice([*strokes]), "pen", rng)
        else:
            yield picture(rng.choice([*TYPESET[fonts]]), "font", rng, fonts)


def blanks(count, seed):
    """Paper with nothing on it, as it is scanned and photographed."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield picture(None, rng.choice([*CLEAN, *PHOTOS]), rng)


def noises(count, seed):
    """Every pixel of another grey."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        grey = rng.uniform(0, 256, rng.integers(28, 300, 2))
        yield np.uint8(np.stack([grey] * 3, 2))


def grainy(count, seed):
    """Blank paper of a coarse grain, every third one with pepper on it instead."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        shape, mean = rng.integers(200, 700, 2), rng.uniform(100, 230)
        grain = rng.normal(0, rng.uniform(4, 30), shape)
        if index % 3 == 2:
            grain = -mean * (rng.random(shape) < rng.uniform(0.02, 0.15))
        yield as_bytes(np.stack([mean + grain] * 3, 2))


def string(rng):
    """A picture of 2 to 6 digits in a row, and the digits."""
    digits = rng.integers(0, 10, rng.integers(2, 7)).tolist()
    height, pen = rng.uniform(60, 110), rng.uniform(0.05, 0.09)
    inks = [
        drawn(d, rng, height=height * rng.uniform(0.9, 1.1), pen=pen) for d in digits
    ]
    row, tall = [], max(len(ink) for ink in inks) + 14
    for ink in inks:
        above = rng.integers(0, tall - len(ink))
        gap = int(height * rng.uniform(0.15, 0.4))
        row.append(np.pad(ink, [(above, tall - len(ink) - above), (0, gap)]))
    ink = np.concatenate(row, 1)
    sheet = laid(ink, (int(2 * height), ink.shape[1] + 60), rng)
    if rng.random() < 0.5:
        return photographed(sheet, rng.choice(PHOTOS), rng), digits
    return as_bytes(inked(sheet)), digits


def enlarged(image, times, mode, random):
    """A digit of MNIST, enlarged, somewhere on a canvas of nearly twice its size."""
    options = {} if mode == "nearest" else {"align_corners": False}
    large = F.interpolate(
        image[None, None].float(), scale_factor=times, mode=mode, **options
    )[0, 0]
    side, height = 28 * times, 50 * times
    canvas = torch.zeros(height, height + 8 * times)
    top, left = (
        int(torch.randint(room - side, (1,), generator=random)) for room in canvas.shape
    )
    canvas[top : top + side, left : left + side] = large.clamp(0, 255)
    return canvas.round().to(torch.uint8)
