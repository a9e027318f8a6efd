"""The figures that move: what they compute is what the library computes."""

import math
import re
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from browser import opened
from helpers import full

from torchbasics.activations import ACTIVATIONS, DERIVATIVES, sigmoid, softmax, step
from torchbasics.command.page import page
from torchbasics.initialization import init_variance
from torchbasics.lessons import moving, prose, textbook
from torchbasics.lessons.lab.networks import LabConfig, Variant
from torchbasics.lessons.small_networks import Networks, loss_of_each
from torchbasics.lessons.textbook import TRUTH_TABLES
from torchbasics.lessons.vanishing import FEW, Laboratory
from torchbasics.losses import cross_entropy, cross_entropy_gradient
from torchbasics.mean_field import signal_propagation
from torchbasics.perceptron import AND, INPUTS, NAND, OR, Perceptron
from torchbasics.trace import backward_trace, forward_trace

FORM = Path(__file__).parent.parent / "data" / "moving.html"
FIGURES = [*moving.FIGURES]
CLOSE = {"rtol": 1e-6, "atol": 1e-12}


@pytest.fixture(autouse=True)
def _float64():
    """As scripts compute."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Where a figure stands by itself, by its name and language."""
    folder, paths = tmp_path_factory.mktemp("moving"), {}

    def path_of(name, lang="en"):
        if (name, lang) not in paths:
            words = prose.read("moving", lang).words
            shown = {"name": name, "data": given(name), "words": words}
            parts = moving.PAGES
            content = page(FORM, name, shown, parts=parts)
            paths[name, lang] = folder / f"{name}-{lang}.html"
            paths[name, lang].write_bytes(content)
        return paths[name, lang]

    return path_of


def given(name):
    """A figure's data, as float32 computes it."""
    torch.set_default_dtype(torch.float32)
    try:
        return moving.FIGURES[name]()
    finally:
        torch.set_default_dtype(torch.float64)


def close(got, wanted, **more):
    """Equal to 1e-6, relative."""
    got, wanted = (torch.as_tensor(one, dtype=torch.float64) for one in (got, wanted))
    torch.testing.assert_close(got, wanted, **(CLOSE | more), equal_nan=True)


# --- what is computed, against the library --------------------------------------------


def check_separating_line(seen):
    """The line goes through both handles; sums, answers and margin are its own."""
    n, (gate,) = seen["numbers"], seen["pressed"]
    unit = Perceptron([n["w1"], n["w2"]], n["b"])
    sums = unit.pre_activation(INPUTS.double())
    close([n[f"sum{at}"] for at in range(4)], sums)
    close(n["margin"], unit.margin(INPUTS.double()))
    places = torch.tensor(seen["handles"]) - torch.tensor([34.0, 8.0])
    places = places / torch.tensor([298.0, 300.0]) * 2
    ends = torch.stack([places[:, 0] - 0.5, 1.5 - places[:, 1]], 1)
    close(unit.pre_activation(ends), torch.zeros(2), atol=1e-9)
    right = (sums > 0) == torch.tensor(TRUTH_TABLES[gate])
    assert seen["said"].startswith(f"{gate}: {int(right.sum())} of 4")
    assert right.sum() <= 3 or gate != "XOR"


def check_folding(seen):
    """Two units of the hidden layer, softened or sharp, and the AND of both."""
    n = seen["numbers"]
    weights = torch.tensor(
        [[n[f"{key}_{unit}"] for key in ("w1", "w2")] for unit in (1, 2)]
    )
    sums = INPUTS.double() @ weights.T + torch.tensor([n["b_1"], n["b_2"]])
    hidden = sigmoid(10 * sums) if seen["pressed"] == ["softened"] else step(sums)
    close([[n[f"h{unit}_{at}"] for unit in (1, 2)] for at in range(4)], hidden)
    scores = 0.5 * hidden.sum(1) - 0.7
    close([n[f"sum{at}"] for at in range(4)], scores)
    right = (scores > 0) == torch.tensor(TRUTH_TABLES["XOR"])
    assert seen["said"].startswith(f"XOR: {int(right.sum())} of 4")


def check_slopes(seen):
    """Value and slope; a chain's outputs, slopes and their product."""
    n, (name,), (x, depth) = seen["numbers"], seen["chosen"], seen["ranges"]
    function = step if name == "step" else ACTIVATIONS[name]()
    slope = DERIVATIVES.get(name, torch.zeros_like)
    value, product = torch.tensor(x), torch.tensor(1.0)
    close([n["value"], n["slope"]], [function(value), slope(value)])
    for layer in range(int(depth)):
        product = product * slope(value)
        row = [n[f"{key}{layer}"] for key in ("in", "slope", "product")]
        close(row, [value, slope(value), product])
        value = function(value)
    assert f"slope{int(depth)}" not in n


def check_depth(seen):
    """What is left at the first layer, by the mean-field formula; what was measured."""
    n, (activation, init), (power, depth) = (
        seen[k] for k in ("numbers", "chosen", "ranges")
    )
    data, width = given("depth"), int(2**power)
    if init == "critical" and activation not in data["critical"]:
        assert all(map(math.isnan, n.values()))
        assert "no critical weights" in seen["said"]
        return
    x = torch.full((1, data["inputs"]), data["square"]).sqrt()
    variances = partial(init_variance, init, activation)
    sizes = signal_propagation(x, [width] * 50, activation, variances).gradients
    left = sizes[0] / sizes  # of one example only this is what fewer layers leave
    predicted = [n[f"predicted{row}"] for row in range(len(data["depths"]))]
    close(predicted, left[[layers - 1 for layers in data["depths"]]], atol=0)
    close(n["left"], left[int(depth) - 1], atol=0)
    close(n["factor"], left[int(depth) - 1] ** (1 / (depth - 1)))
    kind = "it vanishes" if n["left"] < 0.1 else "it explodes"
    assert (kind in seen["said"]) == (not 0.1 <= n["left"] <= 10)
    measured = dict(data["measured"][activation][init]) if width == 128 else {}
    for row, layers in enumerate(data["depths"]):
        close(n[f"measured{row}"], measured.get(layers, torch.nan), atol=0)


def check_layers(seen):
    """Each unit forward and backward, each weight's slope, and the loss."""
    n, x = seen["numbers"], torch.tensor([seen["ranges"]])
    labels = torch.tensor([int(seen["pressed"][1][-1])])
    model = textbook.network()
    passed = forward_trace(model, x)
    logits = passed[-1].outputs
    back = backward_trace(model, x, cross_entropy_gradient(logits, labels))[::-1]
    close([n["p0"], n["p1"]], softmax(logits)[0])
    close(n["loss"], cross_entropy(logits, labels))
    for number, (layer, slopes) in enumerate(zip(passed, back, strict=True)):
        wanted = {
            "a": layer.pre_activations, "z": layer.outputs,
            "dz": slopes.outputs, "da": slopes.pre_activations,
        }  # fmt: skip
        for key, values in wanted.items():
            got = [n[f"{key}{number}{unit}"] for unit in range(values.shape[1])]
            close(got, values[0])
        for (row, unit), slope in zip(
            torch.cartesian_prod(*map(torch.arange, slopes.weight.shape)).tolist(),
            slopes.weight.flatten(),
            strict=True,
        ):
            close(n[f"dw{number}{row}{unit}"], slope)


def check_downhill(seen):
    """Each step from the one before by autograd, and the loss at each."""
    n, (power, steps) = seen["numbers"], seen["ranges"]
    data, networks = given("downhill"), Networks(2, [0]).double()
    with torch.no_grad():
        networks.weight1.copy_(torch.tensor(data["weight1"]))
        networks.weight2.copy_(torch.tensor(data["weight2"]).view(1, 2, 1))
        networks.bias2.fill_(data["bias2"])
    close(n["lr"], 10**power)
    for number in range(int(steps) + 1):
        at = [n[f"b1_{number}"], n[f"b2_{number}"]]
        networks.bias1.data.copy_(torch.tensor(at).view(1, 1, 2))
        loss = loss_of_each(networks(INPUTS.double())).sum()
        (gradient,) = torch.autograd.grad(loss, networks.bias1)
        close(n[f"loss{number}"], loss)
        if number == 0:
            close([n["g1"], n["g2"]], gradient.flatten())
        if number < steps:
            moved = torch.tensor(at) - n["lr"] * gradient.flatten()
            close([n[f"b{k}_{number + 1}"] for k in (1, 2)], moved)
    if "left the picture" in seen["said"]:
        losses = [n[f"loss{number}"] for number in range(int(steps) + 1)]
        rose = any(later > one for one, later in pairwise(losses))
        assert ("too large" in seen["said"]) == rose


CHECKS = {
    "separating-line": check_separating_line,
    "folding": check_folding,
    "slopes": check_slopes,
    "depth": check_depth,
    "layers": check_layers,
    "downhill": check_downhill,
}


@pytest.mark.slow
@pytest.mark.parametrize("times", full((8,), (60,)))
@pytest.mark.parametrize("name", FIGURES)
def test_it_computes_what_the_library_does(written, name, times):
    with opened(written(name)) as tab:
        CHECKS[name](tab.evaluate("read()"))
        for seen in tab.evaluate(f"shaken({times})"):
            CHECKS[name](seen)


FAR = [-1e4, -50, -6.1, -3, -1e-3, -0.0, 0, 1e-6, 0.5, 3, 5.9, 6.1, 50, 1e4]


@pytest.mark.slow
def test_each_activation_and_its_slope_is_the_librarys_far_out_too(written):
    x = torch.tensor([*FAR, torch.nan])
    with opened(written("slopes")) as tab:
        names = tab.evaluate("[Object.keys(FUNCTIONS), Object.keys(SLOPES)]")
        assert names == [["step", *ACTIVATIONS]] * 2
        for name, module in ACTIVATIONS.items():
            script = (
                f"x => [FUNCTIONS, SLOPES].map((all) => [...x, NaN].map(all.{name}))"
            )
            values, slopes = tab.evaluate(script, FAR)
            close(values, module()(x), atol=1e-15)
            close(slopes, DERIVATIVES[name](x), atol=1e-15)
        values = tab.evaluate("x => [...x, NaN].map(FUNCTIONS.step)", FAR)
        close(values, step(x))


# --- what a hand does -----------------------------------------------------------------


def drag(tab, place, by):
    """Drag what is there, by mouse."""
    box = place.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + by[0] / 2, y + by[1] / 2)
    tab.mouse.move(x + by[0], y + by[1])
    tab.mouse.up()


def seen_by(tab, name):
    """What a figure shows after a hand moved it; it is right."""
    seen = tab.evaluate("read()")
    CHECKS[name](seen)
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("name", ["separating-line", "folding", "downhill"])
def test_a_handle_is_moved_by_mouse_and_by_the_arrow_keys(written, name):
    with opened(written(name)) as tab:
        before = seen_by(tab, name)["handles"]
        handle = tab.locator(".handle").first
        drag(tab, handle, (30, -20))
        dragged = seen_by(tab, name)["handles"]
        assert dragged[0][0] > before[0][0] + 15
        assert dragged[0][1] < before[0][1] - 10
        assert dragged[1:] == before[1:]
        handle.focus()
        tab.keyboard.press("ArrowLeft")
        tab.keyboard.press("Shift+ArrowDown")
        pressed = seen_by(tab, name)["handles"]
        assert pressed[0][0] < dragged[0][0]
        assert pressed[0][1] > dragged[0][1]


@pytest.mark.slow
def test_a_whole_line_is_dragged_and_turned_and_the_textbooks_is_right(written):
    name = "separating-line"
    with opened(written(name)) as tab:
        before = seen_by(tab, name)
        drag(tab, tab.locator(".wide"), (0, 40))
        after = seen_by(tab, name)
        for key in ("w1", "w2"):
            close(after["numbers"][key], before["numbers"][key], atol=1e-9)
        assert after["numbers"]["b"] != before["numbers"]["b"]
        drag(tab, tab.locator(".wide"), (500, -300))  # over the edge
        edge = seen_by(tab, name)["numbers"]
        for key in ("w1", "w2"):
            close(edge[key], before["numbers"][key], atol=1e-9)
        tab.get_by_role("button", name="Swap sides").click()
        close(seen_by(tab, name)["numbers"]["w2"], -after["numbers"]["w2"])
        for gate, unit in {"AND": AND, "OR": OR, "NAND": NAND}.items():
            tab.get_by_role("button", name=gate, exact=True).click()
            tab.get_by_role("button", name="The textbook's").click()
            seen = seen_by(tab, name)
            close([seen["numbers"][k] for k in ("w1", "w2")], unit.weight.double())
            assert seen["said"] == f"{gate}: 4 of 4 right. One line does it."


@pytest.mark.slow
def test_the_textbooks_two_lines_solve_xor_soft_and_sharp(written):
    with opened(written("folding")) as tab:
        tab.get_by_role("button", name="The textbook's").click()
        assert "4 of 4" in seen_by(tab, "folding")["said"]
        tab.get_by_role("button", name="sharp").click()
        seen = seen_by(tab, "folding")
        assert "4 of 4" in seen["said"]
        moved = [
            (seen["numbers"][f"h1_{at}"], seen["numbers"][f"h2_{at}"])
            for at in range(4)
        ]
        assert moved == [(1, 0), (1, 1), (1, 1), (0, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["slopes", "depth"])
def test_a_drag_in_the_picture_moves_the_slider_and_keys_do_too(written, name):
    with opened(written(name)) as tab:
        number = {"slopes": 0, "depth": 1}[name]
        before = seen_by(tab, name)["ranges"]
        drag(tab, tab.locator("svg.plane").first, (60, 0))
        dragged = seen_by(tab, name)["ranges"]
        assert dragged[number] != before[number]
        tab.locator("input").nth(number).focus()
        tab.keyboard.press("ArrowLeft")
        assert seen_by(tab, name)["ranges"][number] < dragged[number]


@pytest.mark.slow
def test_a_unit_that_is_chosen_shows_its_arithmetic(written):
    with opened(written("layers")) as tab:
        unit = tab.locator(".unit[role=button]")
        unit.nth(0).click()
        said = tab.locator(".arithmetic")
        assert "a = 1·0.1 + 0.5·0.2 + 0.1 = 0.3" in said.inner_text()
        assert "z = sigmoid(a) = 0.5744" in said.inner_text()
        tab.get_by_role("button", name="backward").click()
        unit.nth(5).focus()
        tab.keyboard.press("Enter")
        told = said.inner_text().replace("\N{MINUS SIGN}", "-")
        assert "dL/da = p - t = 0.4063 - 1 = -0.5937" in told
        tab.locator("input").first.focus()
        tab.keyboard.press("ArrowRight")
        assert seen_by(tab, "layers")["ranges"] == [1.01, 0.5]


@pytest.mark.slow
def test_a_finger_drags_a_line_and_the_page_does_not_scroll(written):
    with opened(written("separating-line"), "phone") as tab:
        script = "[...document.querySelectorAll('.handle, .wide')].map((one) =>"
        touched = tab.evaluate(f"{script} getComputedStyle(one).touchAction)")
        assert touched == ["none"] * 3


# --- what it says ---------------------------------------------------------------------


@pytest.mark.slow
def test_what_was_measured_is_the_labs_own():
    data = given("depth")
    assert [*data["measured"]] == [*ACTIVATIONS]
    assert {*data["measured"]["gelu"]} == {*data["inits"]} - {"critical"}
    torch.set_default_dtype(torch.float32)
    laboratory = Laboratory(LabConfig())
    for depth in (2, 10):
        start = laboratory.start(Variant("sigmoid", "xavier"), depth, FEW)
        assert dict(data["measured"]["sigmoid"]["xavier"])[depth] == start.left


LOOKS = [
    (name, *look)
    for look in (("ko", "phone", "dark"), ("en", "desktop", "light"))
    for name in ("folding", "layers", "depth", "slopes", "downhill", "separating-line")
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "lang", "size", "theme"), full(*LOOKS, first=2))
def test_nobody_is_kept_out(written, name, lang, size, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with opened(written(name, lang), size, theme) as tab:
        tab.evaluate("shaken(3)")
        assert "undefined" not in tab.inner_text("#figure")
        assert "{" not in tab.inner_text("#figure")
        found = axe.run(tab).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert not serious, [(one["id"], one["nodes"][0]["html"]) for one in serious]


def test_all_its_words_are_used():
    paths = moving.PAGES.glob("*.js")
    scripts = "".join(path.read_text(encoding="utf-8") for path in paths)
    shared = prose.read("course", "en").words
    own = [key for key in prose.read("moving", "en").words if key not in shared]
    unused = [
        key
        for key in own
        if not re.search(rf'words\.{key}\b|"{key}"', scripts)
        and not key.startswith("init_")
    ]
    assert not unused
