"""`python -m torchbasics.mnist.explain`: in a terminal, as JSON, as a page."""

import io
import json
import re

import pytest
import torch
from browser import opened
from helpers import full
from PIL import Image

from torchbasics.command.terminal import SafeConsole
from torchbasics.evaluation import predict_probs
from torchbasics.mnist import network
from torchbasics.mnist.config import Config, ModelConfig
from torchbasics.mnist.explain import Options, case_as_json, main, pieces, study

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m\u202e.png"


@pytest.fixture(scope="module")
def case():
    """A digit that the shipped network reads, and what it says."""
    return study(Options(index=8))


def told(case, **options):
    """What a terminal of 80 columns shows."""
    console = SafeConsole(file=io.StringIO(), width=80, **options)
    for piece in pieces(case):
        console.print(piece, soft_wrap=isinstance(piece, str))
    return console.file.getvalue()


def picture(path, image, side=280):
    """A digit in black ink on a large white sheet, in a file."""
    sheet = Image.new("L", (2 * side, 2 * side), 255)
    ink = Image.fromarray(255 - image.numpy()).resize((side, side))
    sheet.paste(ink, (side // 2, side // 2))
    sheet.save(path)
    return path


@pytest.mark.slow
def test_a_terminal_of_80_columns_shows_it_all(case, capsys):
    assert main(["--index", "8"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert max(map(len, out.splitlines())) <= 80
    assert out.startswith("test digit 8, read by pretrained: 784-50-100-10 sigmoid\n")
    assert "the network reads 5, and the label says 5\n" in out
    assert re.search(r"hidden1 +\(1, 784\) +\(784, 50\) .* 26 +45\n", out)
    assert "x W + b differs from nn.Linear's (its weight is W.T) by 0,\n" in out
    assert f"makes it a {case.change.answer}\n" in out


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [(), (1024, 1024), (9,) * 12])
def test_wide_deep_and_no_hidden_layers_fit_too(monkeypatch, hidden):
    config = Config(model=ModelConfig(hidden=hidden, activation="relu"))
    wide = network.Network(network.build(config).eval(), config)
    monkeypatch.setattr(network, "load", lambda *_: wide)
    shown = told(study(Options()))
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.count("logits") >= 2


@pytest.mark.slow
def test_the_columns_of_many_layers_and_large_numbers_stay_apart(monkeypatch):
    config = Config(model=ModelConfig(hidden=(20,) * 150, activation="relu"))
    model = network.build(config).eval()
    model.hidden1.linear.weight.data.mul_(1e6)
    found = network.Network(model, config)
    monkeypatch.setattr(network, "load", lambda *_: found)
    shown = told(study(Options()))
    assert max(map(len, shown.splitlines())) <= 100
    assert "-0.00.." not in shown
    row = r"^\w+ +\(.*?\) +\(.*?\) +\S+\.\.\S+ +\S+\.\.\S+ +\d+ +\d+$"
    assert len(re.findall(row, shown, re.M)) == 151


@pytest.mark.slow
def test_in_colour_no_line_is_wider(case):
    shown = told(case, force_terminal=True, color_system="truecolor")
    plain = re.sub(r"\x1b\[[\d;]*m", "", shown)
    assert max(map(len, plain.splitlines())) <= 80
    assert "\x1b[38;2;" in shown


@pytest.mark.slow
def test_json_has_the_numbers_of_the_network(mnist, capsys):
    assert main(["pretrained", "--index", "8", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    model, config = network.load("pretrained")
    image = mnist[1].images[8]
    probs = predict_probs(model, image[None], config.data.transform)[0]
    assert said["probs"] == pytest.approx(probs.tolist(), abs=5e-6)
    assert said["image"] == image.tolist()
    assert (said["label"], said["answer"]) == (5, 5)
    assert [layer["weight_shape"] for layer in said["layers"]] == [
        [784, 50], [50, 100], [100, 10],
    ]  # fmt: skip
    change = said["change"]
    after = torch.tensor(change["after"], dtype=torch.uint8)
    read = predict_probs(model, after[None], config.data.transform)[0]
    assert int(read.argmax()) == change["answer"] != 5
    assert change["path"][0] == pytest.approx(probs.tolist(), abs=5e-6)
    assert change["path"][-1] == pytest.approx(read.tolist(), abs=5e-6)
    assert min(map(min, change["after"])) >= 0
    assert max(map(max, change["after"])) <= 255


@pytest.mark.slow
def test_a_picture_is_read_as_mnist_would_have_it(mnist, tmp_path, capsys):
    path = picture(tmp_path / "my7.png", mnist[1].images[0])
    assert main(["--picture", str(path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["answer"] == 7
    assert said["label"] == -1
    assert said["name"].startswith("my7.png, read by pretrained")


@pytest.mark.slow
def test_of_a_picture_no_label_is_told(mnist, tmp_path, capsys):
    path = picture(tmp_path / "my7.png", mnist[1].images[0])
    assert main(["--picture", str(path)]) == 0
    assert "the network reads 7\n" in capsys.readouterr().out


@pytest.mark.slow
def test_several_digits_are_read_as_one_with_a_warning(mnist, tmp_path, capsys):
    row = torch.cat([mnist[1].images[0], mnist[1].images[2]], dim=1)
    Image.fromarray(255 - row.numpy()).resize((560, 280)).save(tmp_path / "row.png")
    assert main(["--picture", str(tmp_path / "row.png")]) == 0
    assert "shows 2 digits: they are read as one\n" in capsys.readouterr().err


@pytest.mark.slow
def test_what_cannot_be_fooled_says_so(monkeypatch, capsys):
    found = network.load("pretrained")
    found.model.logits.weight.data.zero_()
    monkeypatch.setattr(network, "load", lambda *_: found)
    assert main([]) == 0
    assert "No change of the pixels was found" in capsys.readouterr().out
    assert case_as_json(study(Options()))["change"] is None


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--index", "10000"], "index = 10000: the test set ends at 9999"),
        (["--index", "-1"], "index = -1: it must be greater than or equal to 0"),
        (["--index", "1", "--picture", "a.png"], "stands in the place of --index"),
        (["--html", "page.pdf"], "html = 'page.pdf': its name must end in .html"),
        (["nowhere"], "there is no run 'nowhere'"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_status_2(capsys, argv, said):
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert err.count("\n") == 1
    assert out == ""


def test_a_network_whose_scores_are_not_finite_is_refused(monkeypatch, capsys):
    found = network.load("pretrained")
    found.model.logits.bias.data[0] = torch.nan
    monkeypatch.setattr(network, "load", lambda *_: found)
    assert main([]) == 2
    assert capsys.readouterr().err == "error: pretrained: its scores are not finite\n"


@pytest.mark.slow
def test_foreign_names_are_only_text(mnist, tmp_path, capsys):
    path = picture(tmp_path / HOSTILE, mnist[1].images[0])
    html = tmp_path / "page.html"
    assert main(["--picture", str(path), "--html", str(html)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(r"<img src=x onerror=alert(1)>\x1b[31m\u202e.png, read by")
    page = html.read_text(encoding="utf-8")
    assert "<img" not in page
    assert "\x1b" not in page + out
    assert page.count("</script") == 2


@pytest.fixture(scope="module")
def page(mnist, tmp_path_factory):
    """The page of a picture with a name that would like to be more."""
    place = tmp_path_factory.mktemp("page")
    path = picture(place / HOSTILE, mnist[1].images[0])
    html = place / "page.html"
    assert main(["--picture", str(path), "--html", str(html)]) == 0
    return html


@pytest.mark.slow
@pytest.mark.parametrize("theme", full("light", "dark"))
@pytest.mark.parametrize("size", full("desktop", "phone"))
def test_the_page_works_and_asks_for_nothing(page, size, theme):
    with opened(page, size, theme) as shown:
        assert shown.inner_text("h1") == "Why 7?"
        assert "<img src=x onerror=alert(1)>" in shown.inner_text("header")
        assert shown.query_selector("img") is None
        assert shown.query_selector(".bars .best").inner_text() == "7"
        assert len(shown.query_selector_all(".layer")) == 3
        assert len(shown.query_selector_all(".units > *")) == 160


@pytest.mark.slow
def test_a_unit_that_is_chosen_tells_its_numbers(page):
    said = json.loads(re.search(r'id="data">(.*?)</script>', page.read_text())[1])
    with opened(page) as shown:
        hidden2 = shown.query_selector_all(".layer")[1]
        hidden2.query_selector_all(".units > *")[4].click()
        text = hidden2.query_selector(".told").inner_text()
        assert f"output {said['layers'][1]['outputs'][4]:.3f}" in text
        first = shown.query_selector_all(".layer")[0]
        first.query_selector("button").click()
        assert first.query_selector(".told canvas") is not None


@pytest.mark.slow
def test_the_slider_goes_from_the_digit_to_the_changed_one(page):
    best = '[data-bars="changed"] .best'
    with opened(page) as shown:
        assert shown.query_selector(best).inner_text() != "7"
        shown.fill("#share input", "0")
        assert shown.query_selector(best).inner_text() == "7"


@pytest.mark.slow
def test_all_numbers_can_be_unfolded(page):
    with opened(page, "phone") as shown:
        shown.click("summary")
        shown.wait_for_selector("#numbers table")
        assert len(shown.query_selector_all("#numbers tr")) == 163
