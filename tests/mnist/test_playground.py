"""`python -m torchbasics.mnist.playground`: what its page computes and shows."""

import base64
import json
import re
import shutil

import numpy as np
import pytest
import torch
from browser import SIZES, opened
from drawings import (
    CLEAN,
    PHOTOS,
    STROKES,
    blanks,
    curve,
    digits_of,
    grainy,
    letters,
    noises,
)
from helpers import only_run, train_on

from torchbasics import activations
from torchbasics.activations import ACTIVATIONS, softmax
from torchbasics.command.page import page
from torchbasics.data import prepare as recipe
from torchbasics.data import scale_pixels, transforms
from torchbasics.data.image_files import decode_image
from torchbasics.data.prepare import find_digits, prepare
from torchbasics.evaluation import predict_probs
from torchbasics.mnist import network, playground, report
from torchbasics.mnist.__main__ import main as train
from torchbasics.mnist.__main__ import run_hint
from torchbasics.mnist.config import Config
from torchbasics.mnist.playground import Subject, packed

HOSTILE = '</script><img src="http:x.invalid" onerror="alert(1)"><b>$json &amp;'
SHIPPED = "pretrained-best"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The pages of a shipped network alone, and of both."""
    place = tmp_path_factory.mktemp("written")
    for name, argv in {"one": [SHIPPED], "two": ["pretrained", SHIPPED]}.items():
        assert playground.main([*argv, "--out", str(place / f"{name}.html")]) == 0
    return place


@pytest.fixture(scope="module")
def tab(written):
    """The first of these pages, open, to compute in."""
    with opened(written / "one.html") as tab:
        yield tab


def shown(path):
    """What a page holds."""
    text = path.read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text)
    return json.loads(found)


def as_text(values):
    """Bytes as a script can be given them."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def scrambled(**model):
    """A network of any kind whose batch norm has seen something."""
    config = Config(model=model, data={"scale": "standard"})
    subject = Subject("scrambled", None, network.Network(network.build(config), config))
    generator = torch.Generator().manual_seed(1)
    for name, value in subject.network.model.state_dict().items():
        if "norm" in name and value.is_floating_point():
            value.uniform_(0.5, 2, generator=generator)
    subject.network.model.eval()
    return subject


FORWARD = """({ packed, images }) => {
    const network = unpack(packed), pixels = bytesOf(images), found = [];
    for (let at = 0; at < pixels.length; at += 784) {
        const { layers, probs } = forward(network, pixels.subarray(at, at + 784));
        found.push([...layers.map(({ outputs }) => [...outputs]), probs]);
    }
    return found;
}"""


# --- its forward pass -----------------------------------------------------------------


@pytest.mark.slow
def test_each_activation_has_its_like_in_the_page(tab):
    names = tab.evaluate("Object.keys(ACTIVATIONS)")
    assert names == [*ACTIVATIONS]


@pytest.mark.slow
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_it_computes_what_pytorch_does(tab, mnist, activation, batch_norm):
    subject = scrambled(
        hidden=(30, 20), activation=activation, batch_norm=batch_norm, init="lecun"
    )
    images = mnist[1].images[:20]
    given = {"packed": packed(subject, torch.float32), "images": as_text(images)}
    found = tab.evaluate(FORWARD, given)
    outputs = scale_pixels(images, "standard")
    with torch.no_grad():
        for place, layer in enumerate(subject.network.model):
            outputs = layer(outputs)
            got = torch.tensor([one[place] for one in found])
            torch.testing.assert_close(got, outputs, atol=1e-5, rtol=1e-5)
    probs = torch.tensor([one[-1] for one in found])
    torch.testing.assert_close(probs, softmax(outputs), atol=1e-5, rtol=0)


def test_its_activations_are_right_far_from_0_too(tab):
    x = torch.tensor([-1e4, -50, -6.1, -3, -1e-3, 0, 1e-6, 0.5, 3, 5.9, 6.1, 50, 1e4])
    for name, module in ACTIVATIONS.items():
        got = tab.evaluate(f"x => x.map(ACTIVATIONS.{name})", x.tolist())
        torch.testing.assert_close(torch.tensor(got), module()(x))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("pretrained", 10_000), (SHIPPED, 1_000)])
def test_it_answers_as_the_shipped_networks_do(tab, mnist, name, count):
    assert_same_answers(tab, mnist, name, count)


@pytest.mark.full
def test_it_answers_as_the_better_network_does_to_all_test_digits(tab, mnist):
    assert_same_answers(tab, mnist, SHIPPED, 10_000)


def assert_same_answers(tab, mnist, name, count):
    reader, images = network.load(name), mnist[1].images[:count]
    wanted = predict_probs(reader.model, images, reader.config.data.transform)
    given = packed(Subject(name, None, reader), torch.float32)
    script = f"given => ({FORWARD})(given).map((one) => one.at(-1))"
    got = torch.tensor(
        tab.evaluate(script, {"packed": given, "images": as_text(images)})
    )
    assert torch.equal(got.argmax(1), wanted.argmax(1))
    assert (got - wanted).abs().max() < 1e-4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_all_numbers_arrive(tab, dtype):
    subject = scrambled(hidden=(8,), batch_norm=True)
    layer = subject.network.model.linears()["hidden1"]
    special = [0.0, -0.0, 6e-8, -6.1e-5, 65_504.0, 1 / 3, -1.0, 1e-4]
    layer.bias.data[:] = torch.tensor(special)
    script = (
        "given => unpack(given).layers.map((one) => [[...one.weight], [...one.bias]])"
    )
    (weight, bias), _ = tab.evaluate(script, packed(subject, dtype))
    assert bias == layer.bias.to(dtype).tolist()
    assert weight == layer.weight.flatten().to(dtype).tolist()


# --- its preparation ------------------------------------------------------------------

CONSTANTS = {
    recipe: "SIDE BOX LONGEST SMALL BLANK GRAIN SPECK STROKE FAINT THIN PEN",
    activations: "NEGATIVE_SLOPE AMPLITUDE STRETCH",
    transforms: "MEAN STD",
}


@pytest.mark.parametrize("module", CONSTANTS, ids=lambda module: module.__name__)
def test_its_constants_are_ours(tab, module):
    for name in CONSTANTS[module].split():
        assert tab.evaluate(name) == getattr(module, name), name
    assert tuple(tab.evaluate("GREY")) == recipe.GREY


PREPARE = """({ height, width, data }) =>
    [...prepare({ height, width, data: bytesOf(data) })]"""


def prepared_in(tab, picture):
    """What the page makes of a picture. Shape: (H, W, 3) -> (28, 28)."""
    picture = np.array(picture)
    alpha = np.full((*picture.shape[:2], 1), 255, np.uint8)
    given = {
        "height": picture.shape[0],
        "width": picture.shape[1],
        "data": as_text(np.concatenate([picture, alpha], 2)),
    }
    return torch.tensor(tab.evaluate(PREPARE, given)).view(28, 28)


PICTURES = {
    "clean": lambda: [one for one, *_ in digits_of(CLEAN, 16, seed=41)],
    "photographed": lambda: [one for one, *_ in digits_of(PHOTOS, 8, seed=42)],
    "letters": lambda: letters(4, seed=43),
    "blank": lambda: blanks(6, seed=44),
    "noise": lambda: noises(2, seed=45),
    "grain": lambda: grainy(6, seed=46),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", PICTURES)
def test_it_prepares_pictures_as_we_do(tab, kind):
    for picture in PICTURES[kind]():
        wanted = prepare(torch.from_numpy(picture)).long()
        assert (prepared_in(tab, picture) - wanted).abs().max() <= 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 2), (700, 90), (29, 640)])
def test_it_prepares_pictures_of_any_shape(tab, shape):
    rng = np.random.default_rng(sum(shape))
    picture = np.full((*shape, 3), 255, np.uint8)
    picture[shape[0] // 3 :, shape[1] // 3 : shape[1] // 2 + 1] = rng.integers(0, 99, 3)
    wanted = prepare(torch.from_numpy(picture)).long()
    assert (prepared_in(tab, picture) - wanted).abs().max() <= 2


# --- the sheet ------------------------------------------------------------------------


def strokes(digit, seed):
    """A digit's strokes as points on the sheet, from 0 to 1, by somebody's hand."""
    rng = np.random.default_rng(100 * digit + seed)
    aspect, slant = rng.uniform(0.5, 0.75), rng.uniform(-0.1, 0.2)
    for text in STROKES[digit]:
        x, y = curve(text, rng)[::3].T
        across = 0.5 + 0.65 * (aspect * (x - 0.5) + slant * (0.5 - y))
        yield np.stack([across, 0.17 + 0.65 * y], 1)


def draw(tab, lines):
    """Draw these with the mouse."""
    box = tab.locator("#sheet").bounding_box()
    start, size = np.array([box["x"], box["y"]]), box["width"]
    for line in lines:
        first, *others = (start + size * line).tolist()
        tab.mouse.move(*first)
        tab.mouse.down()
        for point in others:
            tab.mouse.move(*point)
        tab.mouse.up()


def drawn_picture(tab):
    """The picture that the page reads, as a file of it."""
    url = tab.evaluate("playground.sketch.picture.canvas.toDataURL()")
    return decode_image(base64.b64decode(url.partition(",")[2]))


@pytest.mark.slow
def test_page_and_predict_agree_on_what_is_drawn_and_it_is_read(written):
    reader, right = network.load(SHIPPED), 0
    with opened(written / "one.html") as tab:
        for number in range(20):
            tab.locator("#clear").click()
            draw(tab, strokes(number % 10, seed=number // 10))
            (image,) = find_digits(drawn_picture(tab))
            seen = torch.tensor(tab.evaluate("[...playground.sketch.pixels]"))
            assert (seen.view(28, 28) - image.long()).abs().max() <= 2
            probs = predict_probs(reader.model, image, reader.config.data.transform)
            answer = tab.inner_text(".digit")
            assert answer == str(int(probs.argmax()))
            assert tab.inner_text("#status").startswith(f"{SHIPPED}: reads {answer}, ")
            right += answer == str(number % 10)
    assert right >= 18


@pytest.mark.slow
def test_what_is_drawn_is_undone_and_cleared_and_loaded(written, mnist):
    with opened(written / "one.html") as tab:
        answer = tab.locator(".digit")
        assert tab.locator("#hint").is_visible()
        assert answer.inner_text() == "?"
        draw(tab, strokes(1, seed=0))
        assert answer.inner_text() == "1"
        assert not tab.locator("#hint").is_visible()
        draw(tab, strokes(7, seed=0))
        both = tab.evaluate("[...playground.sketch.pixels]")
        tab.keyboard.press("Control+z")
        assert answer.inner_text() == "1"
        tab.locator("#clear").click()
        assert answer.inner_text() == "?"
        tab.locator("#undo").click()
        assert answer.inner_text() == "1"
        digits = shown(written / "one.html")["digits"]
        for number, (index, label) in enumerate(digits):
            tab.locator(".thumb").nth(number).click()
            seen = torch.tensor(tab.evaluate("[...playground.sketch.pixels]"))
            assert torch.equal(seen, mnist[1].images[index].flatten().long())
            assert (answer.inner_text() == str(label)) == (number < 10)
            assert tab.inner_text(".answer").endswith(f"the label says {label}")
        draw(tab, strokes(7, seed=0))
        assert tab.evaluate("[...playground.sketch.pixels]") != both
        assert "label" not in tab.inner_text(".answer")
        tab.locator("#undo").click()
        seen = torch.tensor(tab.evaluate("[...playground.sketch.pixels]"))
        assert torch.equal(seen, mnist[1].images[index].flatten().long())
        tab.locator("#undo").click()
        assert tab.inner_text(".answer").endswith(f"the label says {digits[-2][1]}")
        assert not torch.equal(
            torch.tensor(tab.evaluate("[...playground.sketch.pixels]")), seen
        )


@pytest.mark.slow
def test_it_can_be_drawn_and_looked_into_by_keyboard(written):
    with opened(written / "one.html") as tab:
        tab.locator("#sheet").focus()
        for key in ["ArrowUp"] * 8 + [" "] + ["ArrowDown"] * 15 + [" "]:
            tab.keyboard.press(key)
        assert tab.inner_text(".digit") == "1"
        tiles = tab.locator(".layer canvas").nth(1)
        tiles.focus()
        for _ in range(3):
            tab.keyboard.press("ArrowRight")
        told = tiles.get_attribute("aria-valuetext")
        assert told.startswith("hidden2, unit 3. weighted sum ")
        tab.keyboard.press("Enter")
        assert "switched off" in tab.inner_text(".told")
        assert "1 off" in tab.inner_text(".whole")
        tab.keyboard.press("Tab")
        tab.keyboard.press("Enter")
        assert tab.inner_text(".whole") == ""
        tab.locator("#sheet").focus()
        tab.keyboard.press("Delete")
        assert tab.inner_text(".digit") == "?"


# --- looking inside -------------------------------------------------------------------


@pytest.mark.slow
def test_a_unit_says_what_it_computes_and_can_be_switched_off(written):
    with opened(written / "two.html") as tab:
        tab.locator(".thumb").nth(4).click()
        card = tab.locator(".network").nth(1)
        canvas = card.locator(".layer canvas").first
        unit = tab.evaluate("""() => {
            const [, card] = playground.cards, { outputs } = card.result.layers[0];
            return outputs.indexOf(Math.max(...outputs));
        }""")
        place = tab.evaluate(f"""() => {{
            const {{ columns, size }} = playground.cards[1].tiles[0];
            return [{unit} % columns, Math.floor({unit} / columns)]
                .map((at) => (at + 0.5) * size);
        }}""")
        before = card.locator(".bars").inner_text()
        canvas.hover(position={"x": place[0], "y": place[1]})
        told = card.locator(".told").inner_text()
        values = tab.evaluate(f"""() => {{
            const run = playground.cards[1].result.layers[0];
            return [run.sums[{unit}], run.before[{unit}], run.outputs[{unit}]];
        }}""")
        assert f"hidden1, unit {unit}" in told
        for value in values:
            assert f"{value:.2f}".replace("-", "\u2212") in told
        assert card.locator(".told canvas.weights").count() == 1
        canvas.click(position={"x": place[0], "y": place[1]})
        assert "switched off" in card.locator(".told").inner_text()
        assert card.locator(".bars").inner_text() != before
        assert tab.locator(".network").first.locator(".whole").inner_text() == ""
        card.locator(".whole button").click()
        assert card.locator(".bars").inner_text() == before
        card.locator(".bar").nth(4).hover()
        assert card.locator(".heard li").count() == 6


@pytest.mark.slow
def test_noise_and_shifts_change_what_the_network_sees(written, mnist):
    with opened(written / "one.html") as tab:
        tab.locator(".thumb").nth(3).click()
        index, _ = shown(written / "one.html")["digits"][3]
        image = mnist[1].images[index].long()
        script = "() => [...playground.cards[0].pixels]"
        tab.locator("#across").fill("3")
        tab.locator("#down").fill("-2")
        seen = torch.tensor(tab.evaluate(script)).view(28, 28)
        wanted = torch.zeros(28, 28, dtype=torch.long)
        wanted[:26, 3:] = image[2:, :25]
        assert torch.equal(seen, wanted)
        tab.locator("#across").fill("0")
        tab.locator("#down").fill("0")
        tab.locator("#noise").fill("0.2")
        noise = torch.tensor(tab.evaluate(script)).view(28, 28) - image
        dark = noise[image == 0].float()
        half_normal = 255 * 0.2 / (2 * torch.pi) ** 0.5
        assert dark.mean().item() == pytest.approx(half_normal, rel=0.15)


# --- the page -------------------------------------------------------------------------


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["one", "two"])
def test_it_fits_and_answers_in_each_size_and_language(written, size, name):
    with opened(written / f"{name}.html", size, "dark", locale="ko-KR") as tab:
        assert tab.evaluate("document.documentElement.lang") == "ko"
        assert "숫자" in tab.inner_text("h1")
        tab.locator(".thumb").nth(2).click()
        count = 1 + (name == "two")
        assert tab.locator(".digit").all_inner_texts() == ["2"] * count
        tab.get_by_role("button", name="English").click()
        assert tab.inner_text("h1") == "Draw a digit"


def test_all_words_are_there_in_each_language(tab):
    english, korean = tab.evaluate(
        "Object.values(WORDS).map((words) => Object.entries(words).map(([key, word]) =>"
        " [key, typeof word, word.length]))"
    )
    assert [one[:2] for one in english] == [one[:2] for one in korean]
    form = playground.FORM.read_text(encoding="utf-8")
    used = re.findall(r'data-(?:text|label)="(\w+)"', form)
    assert set(used) <= {key for key, *_ in english}


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_nobody_is_kept_out(written, size, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with opened(written / "two.html", size, theme) as tab:
        tab.locator(".thumb").nth(12).click()
        tab.locator(".layer canvas").first.hover()
        found = axe.run(tab).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert not serious, [(one["id"], one["nodes"][0]["html"]) for one in serious]


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["cut", "altered"])
def test_a_page_that_is_not_whole_says_so(written, tmp_path, harm):
    text = (written / "one.html").read_text(encoding="utf-8")
    place = text.index('"numbers": "') + 100_000
    other = "B" if text[place] == "A" else "A"
    after = other + text[place + 1 :] if harm == "altered" else ""
    torn = tmp_path / "torn.html"
    torn.write_text(text[:place] + after, encoding="utf-8")
    with opened(torn) as tab:
        assert "not all of its network is here" in tab.inner_text("[role=alert]")
        assert not tab.locator("#playground").is_visible()


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.parametrize(
    ("hidden", "most"), [((50, 100), 8), ((1024, 1024), 33)], ids=str
)
def test_it_answers_while_one_draws(tmp_path, mnist, hidden, most):
    """Milliseconds from a pointer's event to the last draw call; a busy machine's are
    more, so in one of some rounds a quarter of the strokes has to be in time."""
    path = tmp_path / "page.html"
    subject = scrambled(hidden=hidden)
    content = playground.playground([subject], mnist[1])
    path.write_bytes(page(playground.FORM, "large", content))
    with opened(path) as tab:
        draw(tab, strokes(8, seed=0))
        rounds = (np.quantile(tab.evaluate(STROKE_TIMES), 0.25) for _ in range(8))
        assert any(time <= most for time in rounds)


STROKE_TIMES = """() => {
    const sheet = document.getElementById("sheet"), box = sheet.getBoundingClientRect();
    const send = (name, x, y) => sheet.dispatchEvent(new PointerEvent(name, {
        pointerId: 1, isPrimary: true, bubbles: true,
        clientX: box.left + x * box.width, clientY: box.top + y * box.height,
    }));
    sheet.setPointerCapture = () => {};
    sheet.hasPointerCapture = () => true;
    send("pointerdown", 0.3, 0.3);
    const times = [];
    for (let i = 0; i < 200; i++) {
        const start = performance.now();
        send("pointermove", 0.5 + 0.2 * Math.cos(i / 20), 0.5 + 0.3 * Math.sin(i / 20));
        times.push(performance.now() - start);
    }
    send("pointerup", 0.3, 0.3);
    return times;
}"""


# --- the command ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory, few):
    """A run."""
    place = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        train_on(few, patch)
        argv = ["--epochs", "1", "--monitor.no-tensorboard", "--quiet"]
        assert train([*argv, "--runs-dir", str(place)]) == 0
    return only_run(place)


def test_a_runs_page_stands_in_its_folder_and_is_opened_if_asked(
    trained, monkeypatch, capsys
):
    asked = []
    monkeypatch.setattr(playground.webbrowser, "open", asked.append)
    assert playground.main([str(trained), "--open"]) == 0
    path = trained / "playground.html"
    assert asked == [path.as_uri()]
    said = capsys.readouterr()
    assert said.out == f"the playground is in {path}: open it in a browser\n"
    assert "warning: no browser could be started" in said.err
    (one,) = shown(path)["networks"]
    assert one["name"] == trained.name
    assert one["dtype"] == "float32"


def test_the_digits_are_right_ones_of_each_class_and_the_surest_mistakes(
    written, mnist
):
    content, reader = shown(written / "one.html"), network.load(SHIPPED)
    indices = [index for index, _ in content["digits"]]
    assert [label for _, label in content["digits"]] == mnist[1].labels[
        indices
    ].tolist()
    images = mnist[1].images[indices]
    assert base64.b64decode(content["pictures"]) == images.numpy().tobytes()
    probs = predict_probs(reader.model, images, reader.config.data.transform)
    assert probs.argmax(1)[:10].tolist() == [*range(10)]
    assert (probs.argmax(1) != mnist[1].labels[indices])[10:].all()
    assert content["networks"][0]["accuracy"] == pytest.approx(0.9944, abs=1e-3)


@pytest.mark.slow
def test_the_largest_page_has_10_megabytes(mnist):
    subject = scrambled(hidden=(3_700_000 // 794,), batch_norm=True)
    content = playground.playground([subject], mnist[1])
    assert content["networks"][0]["dtype"] == "float16"
    assert len(page(playground.FORM, "large", content)) <= 10_000_000


def test_a_larger_network_is_refused(mnist, written, monkeypatch, capsys):
    monkeypatch.setattr(playground, "MAX_WEIGHTS", 100_000)
    before = (written / "two.html").stat()
    argv = ["pretrained", SHIPPED, "--out", str(written / "two.html")]
    assert playground.main(argv) == 2
    wanted = f"pretrained and {SHIPPED}: 580,240 weights; a page of 10 MB holds 100,000"
    assert wanted in " ".join(capsys.readouterr().err.split())
    assert (written / "two.html").stat() == before


@pytest.mark.parametrize("weight", [float("nan"), 1e5])
def test_what_the_page_cannot_compute_with_is_refused(mnist, weight, monkeypatch):
    monkeypatch.setattr(playground, "MAX_FLOAT32", 0)
    subject = scrambled(hidden=(5,))
    subject.network.model.linears()["hidden1"].weight.data[0, 0] = weight
    with pytest.raises(playground.UserError, match=r"scrambled: .*(finite|too large)"):
        playground.playground([subject], mnist[1])


@pytest.mark.slow
def test_a_training_and_its_report_say_how_to_make_the_page(trained):
    line = f"python -m torchbasics.mnist.playground {trained}"
    assert line in run_hint(trained)
    assert report.main([str(trained)]) == 0
    assert shown(trained / "report.html")["runs"][0]["playground"] == line


@pytest.mark.slow
def test_a_folders_name_is_only_text(trained, tmp_path):
    hostile = shutil.copytree(trained, tmp_path / HOSTILE.replace("/", ""))
    assert playground.main([str(hostile)]) == 0
    path = hostile / "playground.html"
    with opened(path) as tab:
        assert tab.inner_text(".network h2") == hostile.name
        assert tab.query_selector("img") is None
    assert path.read_text(encoding="utf-8").count("</script>") == 2
