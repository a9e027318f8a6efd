"""`python -m torchbasics.mnist.report`: its page, what it says, and in a browser."""

import base64
import io
import json
import math
import re
import shutil

import pytest
import torch
from browser import SIZES, opened
from helpers import full, no_space, only_run, train_on
from PIL import Image

from torchbasics.command import files, runs
from torchbasics.mnist import measures, network, report, subjects
from torchbasics.mnist.__main__ import main as train

pytestmark = pytest.mark.slow  # of two runs, and a browser
HOSTILE = '</script><img src="http://x.invalid/" onerror="alert(1)"><b>$json &amp;'


@pytest.fixture(scope="module")
def trained(tmp_path_factory, few):
    """A run that held digits out, and one without figures of its layers."""
    place = tmp_path_factory.mktemp("trained")
    kinds = {
        "held": ["--data.validation", "300"],
        "blind": ["--monitor.histograms", "0", "--model.hidden", "120"],
    }
    with pytest.MonkeyPatch.context() as patch:
        train_on(few, patch)
        for kind, argv in kinds.items():
            argv += ["--epochs", "3", "--monitor.no-tensorboard", "--quiet"]
            assert train([*argv, "--runs-dir", str(place / kind)]) == 0
            only_run(place / kind).rename(place / f"{kind}-run")
    return place


@pytest.fixture(scope="module")
def both(trained):
    """The page of both runs, and what it holds."""
    path = trained / "both.html"
    runs_of = [str(trained / name) for name in ("held-run", "blind-run")]
    assert report.main([*runs_of, "--out", str(path)]) == 0
    return path, shown(path)


@pytest.fixture
def held(trained, tmp_path):
    """A copy of the run with validation digits."""
    return shutil.copytree(trained / "held-run", tmp_path / "held")


@pytest.fixture
def blind(trained, tmp_path):
    """A copy of the run of whose layers nothing was recorded."""
    return shutil.copytree(trained / "blind-run", tmp_path / "blind")


def shown(path):
    """What a page holds."""
    text = path.read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text)
    return json.loads(found)


def pixels(url):
    """The grey levels of a picture in a page."""
    content = base64.b64decode(url.removeprefix("data:image/png;base64,"))
    return torch.tensor(list(Image.open(io.BytesIO(content)).tobytes())).view(-1, 784)


def test_the_report_of_a_run_stands_in_its_folder_and_says_its_accuracy(
    held, mnist, capsys
):
    assert report.main([str(held)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == f"the report is in {held}/report.html: open it in a browser"
    found = shown(held / "report.html")
    (run,) = found["runs"]
    confusion = torch.tensor(run["confusion"])
    assert torch.equal(confusion.sum(1), mnist[1].labels.bincount())
    right = int(confusion.diagonal().sum())
    assert out[0] == f"held: test accuracy {right / 100:.2f} % ({right:,} of 10,000)"
    low, high = run["interval"]
    assert low < right / 10_000 < high
    assert found["baselines"]["nearest class mean"] == 0.8203
    assert run["unfinished"] == []
    assert (held / "report.html").stat().st_size < 3_000_000


@pytest.mark.parametrize("which", [0, 1])
def test_the_digits_of_each_cell_are_those_of_the_test_set(both, mnist, which):
    _, found = both
    run, (images, labels) = found["runs"][which], mnist[1]
    indices = [int(index) for index in found["digits"]]
    assert [*found["digits"].values()] == labels[indices].tolist()
    assert torch.equal(pixels(found["pictures"]), images[indices].flatten(1).long())
    confusion, cells = run["confusion"], torch.zeros(10, 10, dtype=torch.long)
    for index, answer, *thousandths in run["examples"]:
        cells[found["digits"][str(index)], answer] += 1
        assert thousandths[answer] == max(thousandths)
        assert sum(thousandths) == pytest.approx(1000, abs=5)
    for label in range(10):
        for answer in range(10):
            most = measures.MAX_RIGHT if label == answer else measures.MAX_WRONG
            assert cells[label, answer] == min(confusion[label][answer], most)


def test_of_mistakes_the_surest_are_shown_and_of_right_answers_the_least_sure():
    sure = torch.linspace(0.51, 0.99, 100)
    probs = torch.zeros(200, 10)
    probs[:, 0], probs[:, 1] = sure.repeat(2), (1 - sure).repeat(2)
    labels = torch.tensor([0] * 100 + [1] * 100)
    rows = measures.examples(probs, labels)
    right = [index for index, *_ in rows if index < 100]
    wrong = [index for index, *_ in rows if index >= 100]
    assert right == [*range(measures.MAX_RIGHT)]
    assert wrong == [*range(199, 199 - measures.MAX_WRONG, -1)]


def test_the_temperature_is_fitted_on_validation_digits_where_there_are_some(
    both, trained, mnist
):
    found = [run["calibration"] for run in both[1]["runs"]]
    assert [one["validation"] for one in found] == [300, 0]
    assert [len(one["temperatures"]) for one in found] == [1, 2]
    images, labels = mnist[0].subset(slice(59_700, None))
    logits = network.load(str(trained / "held-run")).logits(images)
    wanted = measures.fit_temperature(logits, labels)
    assert found[0]["temperatures"] == [pytest.approx(wanted)]
    for one in found:
        assert [sum(bins[0]) for bins in one["bins"]] == [10_000, 10_000]


def test_where_the_search_for_a_temperature_ends_is_told(both):
    for run in both[1]["runs"]:
        low, high = run["calibration"]["ends"]
        assert all(low < one < high for one in run["calibration"]["temperatures"])
        assert measures.fit_temperature(torch.eye(10), torch.zeros(10).long()) == (
            pytest.approx(high)
        )


def test_curves_and_layers_are_those_of_the_metrics(both):
    ours, bare = both[1]["runs"]
    assert {"loss/train", "loss/validation", "accuracy/test"} <= set(ours["curves"])
    assert [epoch for epoch, _ in ours["curves"]["loss/test"]] == [1, 2, 3]
    for kind in ("gradient_norm", "update_ratio", "saturated", "dead"):
        assert f"{kind}/hidden1" in ours["health"]
    assert bare["health"] == {}
    assert len(bare["curves"]) == 4
    assert bare["units"] == 120
    assert len(pixels(bare["weights"])) == report.MAX_TILES


def test_of_many_epochs_and_layers_some_are_shown_with_the_first_and_the_last():
    lines = [{"epoch": n, "a/b": n / 7, "c/d": None} for n in range(1, 100_000)]
    points = report.series(lines, ["a/b", "c/d", "e/f"])
    assert [*points] == ["a/b"]
    assert len(points["a/b"]) == report.MAX_POINTS
    assert points["a/b"][0][0], points["a/b"][-1][0] == (1, 99_999)


def test_weights_are_grey_at_0_and_reach_the_ends(both, trained):
    run = both[1]["runs"][0]
    weight = (
        network.load(str(trained / "held-run"))
        .model.linears()["hidden1"]
        .weight.detach()
    )
    wanted = 127 * weight / weight.abs().amax(1, keepdim=True)
    assert (pixels(run["weights"]) - 128 - wanted).abs().max() < 0.51


def test_a_run_that_is_not_finished_is_reported_as_that(held):
    manifest = runs.read_manifest(held)
    del manifest["finished"], manifest["figures"]
    runs.write_manifest(held, manifest)
    assert report.main([str(held)]) == 0
    assert shown(held / "report.html")["runs"][0]["unfinished"] == [21, 1791]


def test_a_run_that_left_only_its_network_is_reported_too(held):
    (held / "metrics.jsonl").unlink()
    assert report.main([str(held)]) == 0
    assert shown(held / "report.html")["runs"][0]["curves"] == {}


def test_how_to_repeat_a_run_is_a_command_that_can_be_typed(held, capsys):
    again = report.again(subjects.find(str(held)), runs.read_manifest(held))
    assert again == f"python -m torchbasics.mnist --config {held}/config.toml"
    assert train([*again.split()[3:], "--print-config"]) == 0
    assert "validation = 300" in capsys.readouterr().out


def test_the_shipped_network_is_reported_outside_the_package(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert report.main(["pretrained"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["report-pretrained.html"]
    (run,) = shown(tmp_path / "report-pretrained.html")["runs"]
    assert run["again"] == "python -m torchbasics.mnist --config lesson"
    assert "97.21 %" in capsys.readouterr().out


def test_weights_that_were_read_are_repeated_by_reading_them(held):
    manifest = runs.read_manifest(held) | {"data": {"sample_weight.pkl": "0123abcd"}}
    runs.write_manifest(held, manifest)
    subject = subjects.find(str(held))
    again = report.again(subject, manifest)
    read = "python -m torchbasics.mnist.evaluate --textbook sample_weight.pkl --save"
    assert again.splitlines() == [read, "python -m torchbasics.mnist --resume latest"]
    assert report.again(subject._replace(step=0), manifest) == read
    assert "SHA-256 0123abcd" in report.facts(subject, manifest)["weights"]


@pytest.mark.full
def test_the_page_of_two_runs_leaves_that_of_one(held, blind):
    (held / "report.html").write_text("mine")
    odd = blind.rename(blind.with_name("b l(i)nd"))
    assert report.main([str(held), str(odd)]) == 0
    assert (held / "report.html").read_text() == "mine"
    assert "beside" in (held / "report-held-b-l-i-nd.html").read_text("utf-8")


def test_a_link_in_the_place_of_the_page_leads_nowhere(held, tmp_path, capsys):
    other = tmp_path / "other.txt"
    other.write_text("mine")
    (held / "report.html").symlink_to(other)
    assert report.main([str(held)]) == 2
    assert "report.html is a link" in capsys.readouterr().err
    (held / "report.html").unlink()
    (tmp_path / "page.html").symlink_to(other)
    assert report.main([str(held), "--out", str(tmp_path / "page.html")]) == 0
    assert other.read_text() == "mine"


def test_a_full_disk_leaves_the_page_that_was_there(held, monkeypatch, capsys):
    (held / "report.html").write_text("old")
    monkeypatch.setattr(files.os, "fsync", no_space)
    assert report.main([str(held)]) == 1
    assert "No space left" in capsys.readouterr().err
    assert (held / "report.html").read_text() == "old"
    assert not list(held.glob(".report*"))


def test_a_network_that_overflows_is_one_sentence(held, monkeypatch, capsys):
    load = network.from_checkpoint

    def overflowing(path, checkpoint):
        found = load(path, checkpoint)
        found.model.linears()["logits"].weight.data.fill_(3e38)
        return found

    monkeypatch.setattr(network, "from_checkpoint", overflowing)
    assert report.main([str(held)]) == 2
    assert "what it makes of the digits is not finite" in capsys.readouterr().err


def test_a_line_of_metrics_that_no_run_writes_is_one_sentence(held, capsys):
    (held / "metrics.jsonl").write_text('{"epoch": "<b>"}\n')
    assert report.main([str(held)]) == 2
    assert "metrics.jsonl: line 1" in capsys.readouterr().err


@pytest.fixture(scope="module")
def hostile(trained, tmp_path_factory):
    """The report of a run whose folder and whose manifest hold markup."""
    name = HOSTILE.replace("/", "")
    place = shutil.copytree(
        trained / "held-run", tmp_path_factory.mktemp("hostile") / name
    )
    versions = {HOSTILE: HOSTILE}
    more = {"command": [HOSTILE], "versions": versions, "platform": HOSTILE}
    runs.write_manifest(place, runs.read_manifest(place) | more)
    assert report.main([str(place)]) == 0
    return place / "report.html"


def test_what_files_hold_is_never_markup(hostile):
    text = hostile.read_text(encoding="utf-8")
    assert text.count("</script>") == 2
    assert "<img" not in text
    assert "<b>" not in text
    assert shown(hostile)["runs"][0]["facts"]["platform"] == HOSTILE


def test_in_a_browser_markup_is_text(hostile):
    with opened(hostile) as page:
        assert HOSTILE in page.inner_text("main")
        assert page.query_selector("img") is None


@pytest.mark.parametrize("size", full(*SIZES))
@pytest.mark.parametrize("theme", full("light", "dark"))
def test_in_a_browser_all_parts_are_drawn(both, size, theme):
    with opened(both[0], size, theme) as page:
        assert page.locator("section").count() == 9
        assert page.locator("svg").count() >= 10
        assert page.locator(".digit").count() > 80


FLAT = {"layers": ["hidden1", "logits"], "health": {
    "gradient_norm/hidden1": [[1, 0], [2, 0], [3, 0]],
    "gradient_norm/logits": [[1, 0], [2, 0], [3, 0]],
    "update_ratio/hidden1": [[1, 0], [2, 0], [3, 0]],
    "update_ratio/logits": [[1, 0.1], [2, 0.1], [3, 0.1]],
}}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    full(
        ({"flat": 5}, "At 5 of the 2,000 digits the gradient is exactly 0: FGSM"),
        ({"flat": 5}, "(which says nothing where it is 0: at 5 of 2,000)"),
        (
            {"calibration": {"temperatures": [math.exp(measures.HOTTEST), 0.0183157]}},
            "at least 54.598 and at most 0.018",
        ),
        ({"unfinished": [1800, 1800]}, "All 1,800 steps are done, but the run ended"),
        ({"unfinished": [21, 1791]}, "is that of step 21 of 1,791"),
        (FLAT, "Every gradient was exactly 0: it has vanished"),
        (FLAT, "Always 0, so not drawn: update / weights, per step of hidden1."),
        ({"examples": None}, "The page holds 30 of the "),
        ({"curves": {}, "facts": {"weights": "x"}}, "weights were read from a file."),
        first=2,
    ),
)
def test_in_a_browser_what_is_odd_is_told(both, tmp_path, change, said):
    path, found = both
    run = found["runs"][0] | change
    if "calibration" in change:
        run["calibration"] = found["runs"][0]["calibration"] | change["calibration"]
    if "examples" in change:
        all_of = found["runs"][0]["examples"]
        wrong = [row for row in all_of if found["digits"][str(row[0])] != row[1]]
        run["examples"] = wrong[:30]
    text = path.read_text(encoding="utf-8")
    start, rest = text.split(' id="report">')
    changed = json.dumps(found | {"runs": [run]})
    end = rest[rest.index("</script>") :]
    (tmp_path / "odd.html").write_text(f'{start} id="report">{changed}{end}', "utf-8")
    with opened(tmp_path / "odd.html") as page:
        assert said in page.inner_text("main")
        ticks = page.locator("[data-part=curves] svg text").all_inner_texts()
    assert "1.5" not in ticks


def test_in_a_browser_a_cell_shows_its_digits(both, mnist):
    path, found = both
    count = found["runs"][0]["confusion"][3][3]
    with opened(path) as page:
        part = page.locator("[data-part=confusion] .runs > div").first
        part.get_by_label(f"{count} times 3 read as 3", exact=True).click()
        cards = part.locator(".digit")
        assert cards.count() == min(count, measures.MAX_RIGHT)
        assert "3 read as 3" in cards.first.inner_text()
        index = int(re.search(r"test digit (\d+)", cards.first.inner_text())[1])
        assert mnist[1].labels[index] == 3
        script = "c => [...c.getContext('2d').getImageData(0, 0, 28, 28).data]"
        seen = torch.tensor(cards.first.locator("canvas").evaluate(script))[3::4]
        assert torch.equal(seen, mnist[1].images[index].flatten().long())
        errors = page.locator("[data-part=errors] .runs > div").first
        before = errors.locator(".digit").count()
        errors.get_by_role("button").click()
        assert errors.locator(".digit").count() > before


@pytest.mark.full
def test_in_a_browser_runs_without_recorded_layers_say_how_to_record_them(
    both, trained
):
    with opened(both[0]) as page:
        text = page.inner_text("[data-part=health]")
    assert text.count("Nothing was recorded") == 1
    config = trained / "blind-run" / "config.toml"
    assert f"--config {config} --monitor.histograms 1" in text


def test_pages_ask_for_nothing_from_elsewhere():
    package = report.Path(report.__file__).parent.parent
    for path in package.glob("*/pages/**/*.*"):
        text = path.read_text(encoding="utf-8").replace(
            "http://www.w3.org/2000/svg", ""
        )
        assert not re.search(r"https?:|//\w+\.|@import|innerHTML|\beval\b", text), path
