"""The course as one page: every number of it, read in a browser by anybody."""

import re
from xml.etree import ElementTree

import pytest
import torch
from browser import SIZES, opened, until
from helpers import check_rows, full

from torchbasics import perceptron
from torchbasics.__main__ import main
from torchbasics.lessons import LESSONS, figures, moving, parts_of, prose
from torchbasics.lessons import perceptron as lesson
from torchbasics.lessons.checks import (
    Answer,
    Check,
    Images,
    Listing,
    Paragraph,
    Table,
    checks_of,
)
from torchbasics.lessons.figures import svg
from torchbasics.lessons.render import page
from torchbasics.lessons.render.html import rendered
from torchbasics.lessons.render.markdown import Prose

pytestmark = pytest.mark.slow  # of writing the page and of a browser

LANGUAGES = pytest.mark.parametrize("lang", full(("en",), ("ko",)))
FEW = ("perceptron", "matrices")
EMPTY = ElementTree.Element("svg", viewBox="0 0 4 3")


@pytest.fixture(scope="module")
def written(computed, tmp_path_factory):
    """Writes a page of some lessons, once in each language."""
    folder = tmp_path_factory.mktemp("pages")

    def once(names=FEW, lang="en"):
        path = folder / f"{'-'.join(names)}-{lang}.html"
        if not path.exists():
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(page, "parts_of", computed.parts_of)
                page.write(path, names, lang)
        return path

    return once


@pytest.fixture(scope="module")
def tab(written):
    """The page, open."""
    with opened(written()) as tab:
        yield tab


def cells(path):
    """The rows of all tables of checks on a page, without the heads."""
    heads = {tuple(prose.read("page", lang).words[h] for h in HEADS) for lang in LANGS}
    return [
        row for row in check_rows(path.read_text("utf-8")) if tuple(row) not in heads
    ]


LANGS = ("en", "ko")
HEADS = ("checked", "expected", "computed", "agrees", "source")


def assert_each_number_stands_there(path, names, lang, computed):
    wanted = []
    for name in names:
        words = prose.read(name, lang).words
        for part in computed.parts_of(name):
            for check in checks_of(part(words)):
                source = words.get(check.source, check.source)
                texts = check.text(check.expected), check.text(check.here)
                wanted.append([check.name, *texts, "✓", source])
    assert cells(path) == wanted
    return sum(len(row[2].split(", ")) for row in wanted)


# --- what it says ---------------------------------------------------------------------


@LANGUAGES
def test_each_checked_number_stands_on_the_page_with_its_source(
    written, computed, lang
):
    path = written(FEW, lang)
    assert assert_each_number_stands_there(path, FEW, lang, computed) > 100


@pytest.mark.full
@pytest.mark.parametrize("lang", LANGS)
def test_the_whole_course_stands_on_one_page(written, computed, lang):
    path = written(LESSONS, lang)
    count = assert_each_number_stands_there(path, LESSONS, lang, computed)
    assert count > 400
    assert path.stat().st_size <= 6_000_000


def test_a_wrong_number_is_marked(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(lesson, "NAND", perceptron.Perceptron([-0.5, -0.5], 0.9))
    monkeypatch.setattr(svg, "drawn", lambda name, lang: EMPTY)
    path = tmp_path / "page.html"
    assert main(["perceptron", "--html", str(path), "--lang", "en"]) == 1
    assert "✗ NAND: -0.5 x1 - 0.5 x2 + 0.7" in capsys.readouterr().out
    marks = {row[0]: row[3] for row in cells(path)}
    assert marks["NAND: -0.5 x1 - 0.5 x2 + 0.7"] == "✗ wrong"
    assert marks["AND: 0.5 x1 + 0.5 x2 - 0.7"] == "✓"


@pytest.mark.parametrize("lang", LANGS)
def test_each_figure_has_one_place_in_its_lesson(lang):
    places = {}
    for name in LESSONS:
        for _, place in prose.read(name, lang).pieces(figures=True):
            if place.startswith("figure: "):
                places.setdefault(place.removeprefix("figure: "), []).append(name)
    assert set(places) == {*figures.FIGURES, *moving.FIGURES, "playground"}
    assert all(len(lessons) == 1 for lessons in places.values())
    for name in figures.FIGURES:
        assert name in figures.of(*places[name])


@pytest.mark.parametrize("lang", LANGS)
def test_each_question_at_the_end_of_a_lesson_has_its_answer(lang):
    for name in LESSONS:
        *_, (markdown, _) = prose.read(name, lang).pieces()
        _, questions, _ = page.split_questions(markdown)
        replies = prose.replies(lang)[name]
        assert len(questions) == len(replies) == 5, name
        assert all(question.endswith("?") for question in questions)
        assert all(len(reply) > 20 for reply in replies)


def test_a_word_of_the_glossary_is_a_link_where_it_first_comes():
    told = Prose("activations", prose.glossary("en"))
    first, second = (told.elements(f"The weights, {n} `bias`es.") for n in (1, 2))
    (link,) = first[0].iter("a")
    assert (link.text, link.get("href")) == ("weights", "#term-weight")
    assert not list(second[0].iter("a"))
    (title,) = told.elements("## A gradient")
    assert (title.tag, title.get("id"), len(title)) == ("h3", "activations-1", 0)


def test_the_glossary_is_in_the_order_of_the_alphabet():
    words = prose.read("page", "en").words
    names = [
        one.find("dt/dfn").text for one in page.glossary(prose.glossary("en"), words)
    ]
    assert names == sorted(names, key=str.lower)
    assert names.index("accuracy") < names.index("Adam") < names.index("batch")


def test_a_korean_word_is_found_before_its_particle_only():
    told = Prose("activations", prose.glossary("ko"))
    (text,) = told.elements("가중치를 더하고 편향성은 두고 층의 수")
    found = {link.text for link in text.iter("a")}
    assert "가중치" in found
    assert "편향" not in found


def test_a_text_is_never_taken_for_html():
    hostile = '<img src="x"> &amp; </script>'
    words = prose.read("page", "en").words | prose.read("course", "en").words
    items = [
        Table((hostile,), [(hostile,)]),
        Listing(hostile),
        Paragraph(hostile),
        Check(hostile, [1], [1], hostile),
    ]
    shown = page.html_of(*rendered(items, words))
    assert "<img" not in shown
    assert shown.count("&lt;img") == 6


def test_what_the_page_says_is_not_taken_from_a_lessons_labels(monkeypatch):
    assert "guess" in prose.read("learning", "en").words  # what a guess of ten costs
    monkeypatch.setattr(svg, "drawn", lambda name, lang: EMPTY)

    def silent(part):
        def told(words):
            return []

        told.__name__ = part.__name__
        return told

    silent_parts = [silent(part) for part in parts_of("learning")]
    monkeypatch.setattr(page, "parts_of", lambda name: silent_parts)
    body = page.lesson("learning", "en").body
    folds = [fold for fold in body.iter("details") if "guess" in fold.get("class")]
    asked = {fold.find("summary/b").text for fold in folds}
    assert asked == {"Guess first."}


def test_a_kind_that_nobody_can_show_is_an_error():
    with pytest.raises(TypeError, match="is no item of a lesson"):
        rendered(["a text"], {})


def test_digits_and_their_probabilities_are_shown(mnist):
    images, labels = mnist[1]
    probs = torch.full((10,), 0.05)
    probs[7] = 0.55
    answer = Answer(images[0], probs, int(labels[0]), "It reads {answer}.", "no")
    pictures, read = rendered([Images(images[:2]), answer], {})
    sources = [image.get("src") for image in pictures]
    assert len({*sources}) == 2
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    (best,) = (row for row in read.iter("tr") if row.get("class") == "best")
    assert "".join(best.itertext()) == "755.00 %"
    assert read.find("figcaption").text == "It reads 7."


# --- its figures ----------------------------------------------------------------------


@pytest.mark.parametrize("name", full(("matrices",), *((n,) for n in figures.FIGURES)))
def test_a_figure_takes_its_colours_from_the_page(name):
    drawn = svg.drawn(name, "en")
    assert drawn.get("aria-label")
    for part in drawn.iter():
        assert part.get("style") is None
        colours = {part.get(key, "none") for key in ("fill", "stroke")}
        assert all(re.match(r"none|var\(--|url\(#", colour) for colour in colours)
    styles = (page.PAGES / "course.css").read_text(encoding="utf-8")
    shared = (page.PAGES.parents[1] / "command/pages/style.css").read_text("utf-8")
    for colour in set(svg.COLOURS.values()):
        assert (styles + shared).count(f"--{colour}: #") >= 2, colour


# --- in a browser ---------------------------------------------------------------------


def test_it_can_be_searched(tab):
    tab.get_by_role("searchbox").fill("novikoff")
    said = tab.locator("#search output")
    assert re.fullmatch("0 of [1-9]", said.inner_text())
    tab.keyboard.press("Enter")
    assert said.inner_text().startswith("1 of")
    assert "Novikoff" in tab.evaluate("[...CSS.highlights.get('here')][0] + ''")
    tab.get_by_role("searchbox").fill("zzzz")
    assert said.inner_text() == "not found"
    tab.get_by_role("searchbox").fill("")


@pytest.mark.parametrize("sign", ["χ", "½"])
def test_one_sign_that_is_a_word_can_be_searched(tab, sign):
    tab.get_by_role("searchbox").fill(sign)
    tab.keyboard.press("Enter")
    assert tab.locator("#search output").inner_text().startswith("1 of")
    tab.get_by_role("searchbox").fill("")


def test_a_search_finds_what_runs_across_a_link(tab):
    around = "a => a.previousSibling.data.slice(-9) + a.innerText + a.nextSibling.data"
    phrase = tab.locator("p > a.term").first.evaluate(around)[:30].strip()
    tab.get_by_role("searchbox").fill(phrase.upper())
    tab.keyboard.press("Enter")
    assert tab.evaluate("[...CSS.highlights.get('here')][0] + ''") == phrase
    tab.get_by_role("searchbox").fill("")


def test_a_search_opens_the_fold_that_it_goes_into(tab):
    fold = tab.locator("details.question").nth(1)
    assert not fold.get_attribute("open")
    words = prose.replies("en")["perceptron"][1][:30]
    tab.get_by_role("searchbox").fill(words)
    tab.keyboard.press("Enter")
    assert fold.get_attribute("open") is not None
    tab.get_by_role("searchbox").fill("")


def test_all_answers_can_be_shown_and_folded(tab):
    folds, button = tab.locator("main details"), tab.locator("#unfold")
    button.click()
    assert tab.locator("main details[open]").count() == folds.count() >= 10
    button.click()
    assert tab.locator("main details[open]").count() == 0


def test_a_word_says_what_it_means_to_keyboard_and_pointer(tab):
    word, tip = tab.locator("a.term").first, tab.locator("#tip")
    meaning = prose.glossary("en")["perceptron"].text
    word.focus()
    assert tip.inner_text() == meaning
    tab.keyboard.press("Escape")
    assert not tip.is_visible()
    tab.locator("a.term").nth(1).hover()
    assert tip.is_visible()
    tab.locator("h1").hover()
    assert not tip.is_visible()


def test_a_finger_reads_what_a_word_means_and_stays_where_it_is(written):
    with opened(written(), "phone", has_touch=True, is_mobile=True) as tab:
        word, tip = tab.locator("a.term").first, tab.locator("#tip")
        word.tap()
        assert tip.is_visible()
        assert tab.evaluate("location.hash") == ""
        tab.locator("h1").tap()
        assert not tip.is_visible()
        word.tap()
        word.tap()
        assert tab.evaluate("location.hash") == "#term-perceptron"
        assert not tip.is_visible()


@pytest.mark.parametrize("size", full(("phone",), ("desktop",)))
def test_a_figure_has_its_height_before_it_is_drawn(written, size):
    """Else a jump over it ends elsewhere than it should."""
    with opened(written(), size) as tab:
        heights = (
            "[...document.querySelectorAll('.still')].map(one => one.offsetHeight)"
        )
        undrawn = tab.evaluate(heights)
        drawn = "[...document.querySelectorAll('.wide, .wide > div')].forEach(one =>"
        tab.evaluate(f"{drawn} {{ one.style.contentVisibility = 'visible' }})")
        assert undrawn == tab.evaluate(heights)
        assert len(undrawn) > 1


def test_a_figure_that_was_made_larger_is_scrolled_by_the_keyboard(tab):
    figure = tab.locator(".still").first
    button, frame = figure.get_by_role("button"), figure.locator(".wide")
    assert frame.get_attribute("tabindex") is None
    button.click()
    assert frame.get_attribute("tabindex") == "0"
    button.click()
    assert frame.get_attribute("tabindex") is None


def test_a_damaged_memory_is_only_forgotten(tab):
    for kept in ('{"done": 5}', '{"done": {}, "place": []}', "no"):
        tab.evaluate(f"localStorage.setItem('torchbasics.course', '{kept}')")
        tab.reload()
        assert tab.locator("#search").is_visible()
    tab.evaluate("localStorage.clear()")


def test_the_contents_know_where_one_is(tab):
    tab.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
    tab.locator("[data-moving] svg").last.wait_for()
    tab.evaluate("document.getElementById('perceptron-2').scrollIntoView()")
    tab.locator("#contents [aria-current][href='#perceptron-2']").wait_for()
    assert 0 < tab.locator("#read").evaluate("bar => bar.value") < 1
    tab.locator("#contents a[href='#matrices-3']").evaluate("link => link.click()")
    assert tab.locator("#matrices-4").bounding_box()["y"] < 300  # the section is short
    tab.locator("#contents [aria-current][href='#matrices-3']").wait_for()


def test_each_moving_figure_is_made(tab):
    assert tab.locator("[data-moving]").count() == 2
    figure = tab.locator("[data-moving]").last
    figure.locator("svg").first.wait_for()


def test_it_can_be_read_without_javascript(written):
    with opened(written(), java_script_enabled=False) as tab:
        assert tab.locator("h2").first.is_visible()
        tab.locator("details.guess summary").first.click()
        assert tab.locator(".checks .mark").first.inner_text() == "✓"
        tab.locator("details.question summary").first.click()
        assert tab.locator("details.question p").first.is_visible()
        assert (
            "moves with JavaScript" in tab.locator("figure noscript").first.inner_text()
        )
        assert not tab.locator("#search").is_visible()


@LANGUAGES
def test_nobody_is_kept_out(written, lang):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with opened(written(FEW, lang), "phone", "dark") as tab:
        tab.locator("#unfold").click()
        found = axe.run(tab).response["violations"]
    assert_not_serious(found)


def assert_not_serious(found):
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert not serious, [(one["id"], one["nodes"][0]["html"]) for one in serious]


@pytest.mark.full
@pytest.mark.parametrize(
    ("lang", "size", "theme"),
    [
        ("en", "desktop", "light"),
        ("en", "phone", "dark"),
        ("ko", "desktop", "dark"),
        ("ko", "phone", "light"),
    ],
)
def test_the_whole_course_opens_at_once_and_keeps_nobody_out(
    written, lang, size, theme
):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with opened(written(LESSONS, lang), size, theme) as tab:
        paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        assert tab.evaluate(paint) <= 1000
        tab.locator("[data-moving] svg").last.wait_for()
        tab.locator("#unfold").click()
        tab.locator("iframe").evaluate("frame => frame.remove()")  # it has its own test
        context = {"exclude": [[".still svg"]]}  # pictures, each with a name
        assert_not_serious(axe.run(tab, context).response["violations"])


LINES = """() => Array.from(document.querySelectorAll(".whole"), (whole) =>
    new Set(Array.from(whole.getClientRects(), (box) => box.top)).size)"""


@pytest.mark.parametrize("size", SIZES)
def test_no_line_ends_within_a_number(tmp_path, size):
    words = {**prose.read("course", "en").words, **prose.read("page", "en").words}
    small = torch.logspace(-20, -4, 6, dtype=torch.float64).tolist()
    checks = [
        Check("a name as long as some are - 1", small[:count], small[:count], "x" * 9)
        for count in (1, 1, 6)
    ]
    body = page.element("section", *rendered(checks, words), id="digits")
    path = tmp_path / "page.html"
    path.write_bytes(page.course([page.Lesson("digits", "D", body, {}, [])], "en"))
    with opened(path, size) as tab:
        assert tab.evaluate(LINES) == [1] * (16 + 3)  # with the names' minus signs


def test_a_digit_is_drawn_in_lesson_seven(tmp_path):
    words = prose.read("page", "ko").words
    body = page.element("section", page.figure("playground", words, "ko"), id="digits")
    path = tmp_path / "page.html"
    path.write_bytes(page.course([page.Lesson("digits", "D", body, {}, [])], "ko"))
    with opened(path) as tab:
        tab.locator("iframe").scroll_into_view_if_needed()
        sheet = tab.frame_locator("iframe")
        sheet.locator(".thumb").nth(2).click()
        assert sheet.locator(".digit").inner_text() == "2"
        assert "숫자" in sheet.locator("h1").inner_text()
        assert "7강의 신경망" in sheet.locator("main").inner_text()
        inner = sheet.locator("main").evaluate("main => main.scrollHeight")
        until(tab, f"document.querySelector('iframe').clientHeight >= {inner}")


# --- the command ----------------------------------------------------------------------


def test_a_file_that_is_there_is_replaced_only_with_force(
    course, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(svg, "drawn", lambda name, lang: EMPTY)
    path = tmp_path / "page.html"
    path.write_text("mine")
    argv = ["matrices", "--html", str(path), "--lang", "ko"]
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert error == f"error: {path} is there already: --force replaces it\n"
    assert path.read_text() == "mine"
    assert main([*argv, "--force"]) == 0
    assert f"페이지를 {path}에 저장했습니다" in capsys.readouterr().out
    assert path.read_bytes().startswith(b'<!doctype html>\n<html lang="ko">')
