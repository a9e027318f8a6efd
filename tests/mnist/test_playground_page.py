"""The playground's page, used by mouse, finger and keyboard in a browser."""

import re

import pytest
import torch
from browser import SIZES, opened
from helpers import full
from playgrounds import DIGITS, draw, points, scrambled, seen, shown

from torchbasics.command.page import page
from torchbasics.data import ImageDataset
from torchbasics.data.prepare import find_digits
from torchbasics.evaluation import predict_probs
from torchbasics.mnist import network, playground

SHIPPED = "pretrained-best"
ONE, FOUR, SEVEN = (DIGITS[digit][1] for digit in (1, 4, 7))

pytestmark = pytest.mark.slow


@pytest.fixture
def tab(written):
    """The page of the shipped network."""
    with opened(written / "one.html") as tab:
        yield tab


def page_of(subjects, images, path):
    """The page of these networks, its digits among a few."""
    few = ImageDataset(images.images[:200], images.labels[:200])
    content = playground.playground(subjects, few)
    path.write_bytes(page(playground.FORM, "some", content))
    return path


SEND = """([events, look]) => {
    const sheet = document.getElementById("sheet"), found = [];
    const { left, top, width } = sheet.getBoundingClientRect();
    sheet.setPointerCapture = () => {};
    sheet.hasPointerCapture = () => true;
    for (const [name, pointerId, x, y] of events) {
        sheet.dispatchEvent(new PointerEvent(name, {
            pointerId, isPrimary: pointerId === 1, pointerType: "touch",
            clientX: left + x * width, clientY: top + y * width,
        }));
        if (!look) continue;
        const tiles = playground.cards[0].tiles.map(({ canvas }) => canvas.toDataURL());
        found.push(document.querySelector(".bars").innerText + tiles);
    }
    return found;
}"""


def strokes_as_events(strokes):
    """What a finger that draws them sends; a mouse takes longer, and has its tests."""
    for stroke in strokes:
        (first, *more), name = points(stroke), "pointermove"
        yield ["pointerdown", 1, *first]
        yield from ([name, 1, *point] for point in more)
        yield ["pointerup", 1, *more[-1]]


# --- the sheet ------------------------------------------------------------------------


def test_page_and_predict_agree_on_what_is_drawn_and_it_is_read(tab):
    reader, right = network.load(SHIPPED), 0
    for digit, strokes in DIGITS:
        tab.locator("#clear").click()
        tab.evaluate(SEND, [[*strokes_as_events(strokes)], False])
        grey = tab.evaluate("playground.sketch.picture.values.join()").split(",")
        picture = torch.tensor([*map(float, grey)]).byte()
        picture = picture.view(tab.evaluate("PICTURE"), -1)
        (image,) = find_digits(picture)
        assert (seen(tab) - image.long()).abs().max() <= 2
        probs = predict_probs(reader.model, image[None], reader.config.data.transform)
        answer = tab.inner_text(".digit")
        assert answer == str(int(probs.argmax()))
        assert tab.inner_text("#status").startswith(f"{SHIPPED}: reads {answer}, ")
        right += answer == str(digit)
    assert right >= 18


def test_each_movement_of_the_pen_is_answered_before_the_next(tab):
    events = [("pointermove", 1, x, y) for x, y in points(SEVEN[0])]
    events[0] = ("pointerdown", *events[0][1:])
    answered = tab.evaluate(SEND, [events, True])
    assert len(set(answered)) == len(events)


def test_the_same_strokes_are_the_same_picture_however_they_came_there(tab):
    for _, strokes in DIGITS[11:12]:
        tab.locator("#clear").click()
        draw(tab, strokes)
        before, sure = seen(tab), tab.inner_text(".bars")
        tab.set_viewport_size({"width": 700, "height": 900})
        tab.emulate_media(color_scheme="dark")
        tab.get_by_role("button", name="한국어").click()
        tab.get_by_role("button", name="English").click()
        assert torch.equal(seen(tab), before)
        assert tab.inner_text(".bars") == sure
        tab.set_viewport_size({"width": 1280, "height": 900})


SHOWN = "new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))"


def test_ink_is_where_the_pen_is_though_the_sheet_moves_under_it(tab):
    def move(x, y):
        box = tab.locator("#sheet").bounding_box()
        tab.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])

    move(0.5, 0.2)
    tab.mouse.down()
    tab.set_viewport_size({"width": 700, "height": 500})
    tab.evaluate(SHOWN)
    move(0.5, 0.4)
    tab.evaluate("scrollBy(0, 60)")
    tab.evaluate(SHOWN)
    move(0.5, 0.8)
    tab.mouse.up()
    drawn = tab.evaluate("playground.sketch.actions.at(-1).stroke")
    wanted = torch.tensor([[0.5, 0.2], [0.5, 0.4], [0.5, 0.8]])
    torch.testing.assert_close(torch.tensor(drawn), wanted, atol=0.01, rtol=0)


def test_a_stroke_over_the_edges_counts_and_ink_beyond_them_does_not(tab):
    draw(tab, [[(0.3, 0.2), (0.25, 0.6), (0.85, 0.6)], [(0.62, 0.02), (0.62, 1.2)]])
    assert (seen(tab) > 128).any(1).sum() == 20
    assert tab.inner_text(".digit") == "4"
    tab.locator("#clear").click()
    draw(tab, [[(0.5, 0.5), (0.5, 0.5)], [(1.2, 0.1), (3, 0.9)]])
    assert "Too little" in tab.inner_text("#hint")
    assert "Too little" in tab.inner_text("#status")


def test_one_finger_draws_and_a_stroke_that_is_cancelled_stays(tab):
    events = [
        ["pointerdown", 1, 0.5, 0.2], ["pointerdown", 2, 0.1, 0.1],
        ["pointermove", 1, 0.5, 0.5], ["pointermove", 2, 0.9, 0.1],
        ["pointerup", 2, 0.9, 0.1], ["pointermove", 1, 0.5, 0.8],
        ["pointercancel", 1, 0, 0], ["pointermove", 1, 0.9, 0.9],
    ]  # fmt: skip
    tab.evaluate(SEND, [events, False])
    assert tab.evaluate("playground.sketch.actions.length") == 1
    drawn = torch.tensor(tab.evaluate("playground.sketch.actions[0].stroke"))
    torch.testing.assert_close(
        drawn, torch.tensor([[0.5, 0.2], [0.5, 0.5], [0.5, 0.8]])
    )
    assert tab.inner_text(".digit") == "1"


@pytest.mark.slow
def test_what_is_drawn_is_undone_and_cleared_and_loaded(written, mnist):
    with opened(written / "one.html") as tab:
        answer = tab.locator(".digit")
        assert tab.locator("#hint").is_visible()
        assert answer.inner_text() == "?"
        draw(tab, ONE)
        assert answer.inner_text() == "1"
        assert not tab.locator("#hint").is_visible()
        draw(tab, SEVEN)
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
        draw(tab, SEVEN)
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
        assert tiles.evaluate("(one) => one === document.activeElement")
        switch = tab.get_by_role("button", name="Switch off")
        switch.focus()
        tab.keyboard.press("Enter")
        assert tab.evaluate("document.activeElement.innerText") == "Switch on"
        tab.locator("#sheet").focus()
        tab.keyboard.press("Delete")
        assert tab.inner_text(".digit") == "?"


def test_a_korean_keyboard_undoes_too(tab):
    draw(tab, ONE)
    tab.evaluate(
        "dispatchEvent(new KeyboardEvent('keydown', { key: 'ㅋ', ctrlKey: true }))"
    )
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
            return [run.sums[{unit}], run.outputs[{unit}]];
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


def test_only_a_click_or_a_tap_on_the_chosen_unit_switches_it_off(tab):
    draw(tab, ONE)
    canvas, off = tab.locator(".layer canvas").first, "playground.cards[0].numOff"
    canvas.click(button="right", position={"x": 4, "y": 4})
    assert tab.evaluate(off) == 0
    touch = {"pointerType": "touch", "clientX": 0, "clientY": 0}
    box = canvas.bounding_box()
    touch |= {"clientX": box["x"] + 4, "clientY": box["y"] + 4}
    for name in ("pointerdown", "pointercancel"):  # as a finger that scrolls
        canvas.dispatch_event(name, touch)
    assert tab.evaluate(off) == 0
    for name in ("pointerdown", "pointerup", "click"):
        canvas.dispatch_event(name, touch)
    assert tab.evaluate(off) == 1


def test_an_empty_sheet_has_no_values_yet(tab):
    tab.locator(".layer canvas").nth(1).hover(position={"x": 4, "y": 4})
    assert "Draw a digit" in tab.inner_text(".told")
    assert tab.locator(".told dd").count() == 0
    draw(tab, ONE)
    assert tab.locator(".told dd").count() == 2


def test_orange_excites_also_where_batch_norm_turns_a_sum_round(mnist, tmp_path):
    subject = scrambled(hidden=(12,), activation="relu", batch_norm=True)
    norm = subject.network.model.hidden1.norm
    norm.weight.data[::2] *= -1
    path = page_of([subject], mnist[1], tmp_path / "page.html")
    with opened(path) as tab:
        tab.locator(".thumb").first.click()
        for unit in (0, 1):
            tab.evaluate(f"playground.cards[0].choose(0, {unit})")
            reds = tab.evaluate("""() => {
                const canvas = document.querySelector("canvas.weights");
                const { data } = canvas.getContext("2d").getImageData(0, 0, 28, 28);
                const redness = (i) => data[4 * i] - data[4 * i + 2];
                return Array.from({ length: 784 }, (_, i) => redness(i));
            }""")
            factor = (
                norm.weight[unit] * subject.network.model.hidden1.linear.weight[unit]
            )
            strong = factor.abs() > factor.abs().max() / 10
            assert torch.equal((torch.tensor(reds) > 0)[strong], (factor > 0)[strong])


def test_what_is_told_of_a_deep_networks_unit_is_seen_where_it_is_pointed_at(
    mnist, tmp_path
):
    subject = scrambled(hidden=(20,) * 40, activation="tanh", batch_norm=True)
    path = page_of([subject], mnist[1], tmp_path / "deep.html")
    with opened(path) as tab:
        tab.locator(".thumb").first.click()
        tab.locator(".layer canvas").first.hover(position={"x": 4, "y": 4})
        for place in (".told", ".digit", "#sheet"):
            box = tab.locator(place).bounding_box()
            assert 0 <= box["y"] < 900, place


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
        tab.locator("#reset").click()
        assert torch.equal(torch.tensor(tab.evaluate(script)).view(28, 28), image)
        assert tab.locator("output").all_inner_texts() == ["0.00", "0", "0"]


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


def test_two_networks_say_whose_mistakes_are_shown(written):
    with opened(written / "two.html") as tab:
        assert tab.inner_text("#right") == "read right (pretrained)"
        assert tab.inner_text("#wrong") == "read wrong (pretrained)"


@pytest.mark.parametrize(
    ("size", "theme"),
    full(
        ("desktop", "light"),
        ("phone", "dark"),
        ("desktop", "dark"),
        ("phone", "light"),
        first=2,
    ),
)
def test_nobody_is_kept_out(written, size, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with opened(written / "two.html", size, theme) as tab:
        tab.locator(".thumb").nth(12).click()
        tab.locator(".layer canvas").first.hover()
        found = axe.run(tab).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert not serious, [(one["id"], one["nodes"][0]["html"]) for one in serious]


def test_the_bars_are_there_in_forced_colours_too(tab):
    tab.emulate_media(forced_colors="active")
    draw(tab, ONE)
    colour = "(one) => getComputedStyle(one).backgroundColor"
    bar, around = (tab.locator(f".bar.best {part}") for part in ("i", "div"))
    assert bar.evaluate(colour) != around.evaluate(colour)


HARMS = {
    "cut": lambda text, at: text[:at],
    "a weight": lambda text, at: text[:at] + "AB"[text[at] == "A"] + text[at + 1 :],
    "the activation": lambda text, _: text.replace('"relu"', '"rely"'),
    "a picture": lambda text, _: text.replace('64": "AAAAA', '64": "AAAAB', 1),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_page_that_is_not_whole_says_so(written, tmp_path, harm):
    text = (written / "one.html").read_text(encoding="utf-8")
    harmed = HARMS[harm](text, text.index('"numbers": ') + 100_000)
    assert harmed != text
    torn = tmp_path / "torn.html"
    torn.write_text(harmed, encoding="utf-8")
    with opened(torn) as tab:
        assert "not all of its network is here" in tab.inner_text("[role=alert]")
        assert not tab.locator("#playground").is_visible()


def test_a_page_whose_script_does_not_run_says_so_in_both_languages(written):
    with opened(written / "one.html", java_script_enabled=False) as tab:
        told = tab.locator("#torn")
        told.wait_for(state="visible")
        assert "JavaScript" in told.inner_text()
        assert "스크립트" in told.inner_text()
