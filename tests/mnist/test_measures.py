"""What is measured of a network: known values, and laws that hold for any."""

import math

import pytest
import torch
import torch.nn.functional as F

from torchbasics.activations import softmax
from torchbasics.data import ImageDataset
from torchbasics.evaluation import evaluate, predict_probs
from torchbasics.mnist import measures, network
from torchbasics.mnist.config import Config, ModelConfig


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_is_that_of_newcombe_1998_table_1(right, count, low, high):
    found = measures.wilson(right, count)
    assert [round(end, 4) for end in found] == [low, high]
    mirrored = measures.wilson(count - right, count)
    assert mirrored == pytest.approx((1 - found[1], 1 - found[0]))


@pytest.mark.slow
def test_what_needs_no_network_reads_as_much_as_the_textbooks_say(mnist):
    found = measures.baselines(*mnist)
    assert found == {
        "always 1": 0.1135,
        "darkness": 0.2230,
        "nearest class mean": 0.8203,
    }


def test_the_calibration_error_is_the_one_computed_by_hand():
    """4 answers in (0.5, 0.75], 1 of them right; 1 in (0.75, 1], right."""
    sure = torch.tensor([0.6, 0.6, 0.7, 0.7, 0.9])
    probs = torch.stack([sure, 1 - sure], dim=1)
    labels = torch.tensor([0, 1, 1, 1, 0])
    found = measures.reliability(probs, labels, bins=4)
    assert found.counts.tolist() == [0, 0, 4, 1]
    assert found.confidence.tolist() == pytest.approx([0, 0, 0.65, 0.9])
    assert found.accuracy.tolist() == pytest.approx([0, 0, 0.25, 1.0])
    assert found.error == pytest.approx((4 * 0.4 + 1 * 0.1) / 5)


def test_a_bin_holds_its_upper_end_and_not_its_lower():
    probs = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    found = measures.reliability(probs, torch.tensor([0, 0]), bins=2)
    assert found.counts.tolist() == [1, 1]
    assert found.error == pytest.approx(0.25)


@pytest.fixture(scope="module")
def logits():
    """Logits of 10 classes for 999 examples, and labels they often tell."""
    random = torch.Generator().manual_seed(0)
    logits = 5 * torch.randn(999, 10, generator=random)
    noise = 8 * torch.randn(999, 10, generator=random)
    return logits, (logits + noise).argmax(1)


def test_a_fitted_temperature_has_the_least_cross_entropy(logits):
    z, labels = logits
    found = measures.fit_temperature(z, labels)
    assert found > 1.1
    losses = [F.cross_entropy(z / (found * by), labels) for by in (0.99, 1, 1.01)]
    assert losses[1] < losses[0]
    assert losses[1] < losses[2]


@pytest.mark.parametrize("scale", [0.1, 1, 7])
def test_logits_that_are_larger_get_a_temperature_that_is_as_much_larger(logits, scale):
    z, labels = logits
    found = measures.fit_temperature(scale * z, labels)
    assert found == pytest.approx(scale * measures.fit_temperature(z, labels), rel=1e-5)


def test_a_network_that_is_never_wrong_gets_a_temperature_all_the_same():
    z = 3 * torch.eye(10)
    assert 0 < measures.fit_temperature(z, torch.arange(10)) < 0.1


def test_temperatures_change_no_answer_and_mend_the_calibration(logits):
    z, labels = logits
    probs, fitted = measures.cross_scaled(z, labels)
    assert torch.equal(probs.argmax(1), z.argmax(1))
    torch.testing.assert_close(probs.sum(1), torch.ones(len(z)))
    before = measures.reliability(softmax(z), labels).error
    assert measures.reliability(probs, labels).error < before / 3
    assert len(fitted) == 2


def test_no_example_has_a_say_in_the_temperature_it_is_scaled_by(logits):
    z, labels = logits
    other = labels.clone()
    other[::2] = z[::2].argmin(1)
    probs, changed = (
        measures.cross_scaled(z, labels)[0],
        measures.cross_scaled(z, other)[0],
    )
    assert torch.equal(probs[::2], changed[::2])
    assert not torch.equal(probs[1::2], changed[1::2])


def test_images_are_shifted_by_whole_pixels_in_four_directions(few):
    images = few.test.images[:8]
    padded = F.pad(images, (3, 3, 3, 3))
    for pixels in (1, 2, 3):
        found = measures.moved(images, pixels=pixels)
        for place, (down, right) in enumerate([(-1, 0), (0, 1), (1, 0), (0, -1)] * 2):
            top, left = 3 - down * pixels, 3 - right * pixels
            wanted = padded[place, top : top + 28, left : left + 28]
            assert torch.equal(found[place], wanted)


def test_images_are_turned_one_way_and_the_other(few):
    images = few.test.images[:4]
    found = measures.moved(images, degrees=90)
    for place in range(4):
        wanted = torch.rot90(images[place], 1 if place % 2 == 0 else -1)
        assert (found[place].int() - wanted.int()).abs().max() <= 1


@pytest.mark.parametrize("size", measures.SIZES)
def test_a_change_of_a_size_stays_within_it_and_within_paper_and_ink(few, size):
    shipped = network.load("pretrained")
    direction = measures.gradient_sign(shipped, few.test)
    assert set(direction.unique().tolist()) <= {-1, 0, 1}
    changed = measures.stepped(few.test.images, direction, size)
    assert (changed - few.test.images).abs().max() <= 255 * size + 1e-3
    assert changed.min() >= 0
    assert changed.max() <= 255


def test_the_gradients_sign_raises_the_loss_and_its_opposite_lowers_it(few):
    model, config = shipped = network.load("pretrained")
    images, labels = few.test
    direction = measures.gradient_sign(shipped, few.test)
    losses = [
        evaluate(
            model, measures.stepped(images, by * direction, 0.01), labels,
            config.data.transform,
        ).loss
        for by in (-1, 0, 1)
    ]  # fmt: skip
    assert losses[0] < losses[1] < losses[2]


def test_digits_at_which_fgsm_has_no_direction_are_counted(few):
    model, config = shipped = network.load("pretrained")
    assert measures.num_flat(shipped, few.test) < 10
    model.logits.weight.data.mul_(1e4)  # sure of all it says: softmax is 0 or 1
    right = predict_probs(model, few.test.images, config.data.transform).argmax(1)
    counted = measures.num_flat(shipped, few.test)
    assert counted == pytest.approx(int((right == few.test.labels).sum()), abs=2)
    found = measures.robustness(shipped, few.test)["FGSM"]
    assert min(found.values()) >= counted / len(few.test.labels)


def test_measuring_leaves_the_model_as_it_is(few):
    made = network.build(Config(model=ModelConfig(dropout=0.5, batch_norm=True)))
    made.train()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    measures.robustness(network.Network(made, Config()), few.test)
    assert made.training
    assert all(parameter.grad is None for parameter in made.parameters())
    after = made.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_robustness_is_the_accuracy_on_changed_digits(few):
    model, config = shipped = network.load("pretrained")
    images, labels = few.test
    found = measures.robustness(shipped, few.test)
    for kind, changed in (("as they are", images), ("inverted", 255 - images)):
        probs = predict_probs(model, changed, config.data.transform)
        share = float((probs.argmax(1) == labels).double().mean())
        assert found[kind][""] == pytest.approx(share)
    for kind in ("shifted", "turned", "noise", "random signs", "FGSM"):
        shares = [found["as they are"][""], *found[kind].values()]
        assert shares == sorted(shares, reverse=True)
    for size, share in found["FGSM"].items():
        assert share < found["random signs"][size]
    assert measures.robustness(shipped, few.test) == found


def test_the_logits_are_those_of_the_model_in_eval_mode(few):
    made = network.build(Config(model=ModelConfig(dropout=0.5))).train()
    images = ImageDataset(*few.test).images
    found = network.Network(made, Config()).logits(images)
    assert torch.equal(found, made.eval()(Config().data.transform(images)))
    assert math.isfinite(found.sum())
