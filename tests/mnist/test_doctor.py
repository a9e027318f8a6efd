"""The doctor: each usual mistake has the figures that who makes it will see."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from torchbasics.data import ImageDataset
from torchbasics.evaluation import Evaluation, evaluate
from torchbasics.mnist import doctor, network
from torchbasics.mnist.config import Config, DataConfig, ModelConfig


@pytest.fixture(scope="module")
def digits(few):
    return few.test


@pytest.fixture(scope="module")
def shipped():
    return network.load("pretrained")


def network_of(scale="unit", **model):
    config = Config(
        model=ModelConfig(hidden=(9, 9), **model), data=DataConfig(scale=scale)
    )
    return network.Network(network.build(config).eval(), config)


def found(some_network, digits):
    return {finding.done: finding for finding in doctor.findings(some_network, digits)}


def test_losses_of_any_size_stand_apart_from_the_accuracy(monkeypatch, shipped, digits):
    huge = doctor.Finding("a", Evaluation(123_456_789.0, torch.ones(10, 10)))
    monkeypatch.setattr(doctor, "findings", lambda *_: [huge])
    assert doctor.table(shipped, digits).split()[-2:] == ["%", "1.235e+08"]


def by_hand(model, pixels, labels):
    """Accuracy and loss in NumPy's float64, with h = sigmoid(x W + b)."""
    h = pixels.reshape(len(labels), 784)
    for linear in model.linears().values():
        h = h @ linear.weight.detach().double().numpy().T + linear.bias.detach().numpy()
        logits, h = h, torch.from_numpy(h).sigmoid().numpy()
    return score(logits, labels)


def score(logits, labels):
    loss = F.cross_entropy(torch.as_tensor(logits), labels).item()
    return np.mean(logits.argmax(1) == labels.numpy()), loss


@pytest.mark.parametrize(
    ("done", "pixels"),
    [
        ("pixels / 255", lambda p: p / 255),
        ("pixels standardised", lambda p: (p / 255 - 0.1307) / 0.3081),
        ("pixels raw, 0 to 255", lambda p: p),
        ("images inverted, ink 0", lambda p: (255 - p) / 255),
    ],
)
def test_the_figures_of_wrong_pixels_are_those_of_who_feeds_them(
    shipped, digits, done, pixels
):
    wanted = by_hand(
        shipped.model, pixels(digits.images.double().numpy()), digits.labels
    )
    evaluation = found(shipped, digits)[done].evaluation
    assert evaluation.accuracy == pytest.approx(wanted[0])
    assert evaluation.loss == pytest.approx(wanted[1], rel=1e-4)


def test_the_figures_of_reshaped_weights_are_those_of_who_reshapes_them(
    shipped, digits
):
    model = network.build(shipped.config)
    own = shipped.model.state_dict()
    model.load_state_dict(
        {
            key: torch.from_numpy(value.numpy().T.copy().reshape(value.shape))
            for key, value in own.items()
        }
    )
    wanted = evaluate(model, *digits, shipped.config.data.transform)
    evaluation = found(shipped, digits)["weights reshaped, not transposed"].evaluation
    assert (evaluation.loss, evaluation.accuracy) == (wanted.loss, wanted.accuracy)
    assert evaluation.accuracy < 0.5


def test_softmax_twice_changes_the_loss_alone(shipped, digits):
    rows = found(shipped, digits)
    right, twice = rows["pixels / 255"].evaluation, rows["softmax twice"].evaluation
    assert torch.equal(twice.confusion, right.confusion)
    assert twice.loss > 1.4  # a probability is at most 1: ln(e + 9) - 1 = 1.461


@pytest.mark.parametrize(
    ("model", "differs"),
    [
        ({}, False),
        ({"dropout": 0.5}, True),
        ({"input_dropout": 0.5}, True),
        ({"input_noise": 1.0}, True),
        ({"batch_norm": True}, True),
    ],
)
def test_train_mode_is_said_to_be_equal_where_it_is(digits, model, differs):
    rows = found(network_of(**model), digits)
    right, training = rows["pixels / 255"], rows["train mode"]
    assert (training.evaluation.loss != right.evaluation.loss) == differs
    assert training.note.startswith("equal") != differs


def test_train_mode_is_who_forgets_eval(digits):
    right = network_of(batch_norm=True)
    with torch.no_grad():
        inputs = right.config.data.transform(digits.images)
        chunks = [right.model.train()(some) for some in inputs.split(100)]
    right.model.eval()
    wanted = score(torch.cat(chunks).numpy(), digits.labels)
    evaluation = found(right, digits)["train mode"].evaluation
    assert (evaluation.accuracy, evaluation.loss) == pytest.approx(wanted)


@pytest.mark.parametrize("scale", ["unit", "standard"])
def test_first_comes_what_the_network_learned_from(digits, scale):
    first, *others = doctor.findings(network_of(scale), digits)
    assert first.done == doctor.PIXELS[scale][0]
    assert first.note == "as it was trained"
    assert not any(finding.note == "as it was trained" for finding in others)


@pytest.mark.parametrize("model", [{}, {"batch_norm": True, "dropout": 0.5}])
def test_the_network_and_its_mode_stay_as_they_are(digits, model):
    own = network_of(**model)
    before = {key: value.clone() for key, value in own.model.state_dict().items()}
    tables = {doctor.table(own, digits) for _ in range(2)}
    assert len(tables) == 1  # what is drawn is keyed
    assert not own.model.training
    for key, value in own.model.state_dict().items():
        assert torch.equal(value, before[key])
    images = ImageDataset(digits.images.clone(), digits.labels)
    doctor.table(own, images)
    assert torch.equal(images.images, digits.images)


def test_the_table_fits_a_terminal(shipped, digits):
    lines = doctor.table(shipped, digits).splitlines()
    assert len(lines) == 8
    assert max(map(len, lines)) <= 80
