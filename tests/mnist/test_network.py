"""A run's network: saved, found, loaded, or refused in one sentence."""

import pytest
import torch

from torchbasics.errors import UserError
from torchbasics.mnist import checkpoint, network
from torchbasics.mnist.checkpoint import Checkpoint, Keeper
from torchbasics.mnist.config import DEFAULTS, Config, Model

CONFIG = Config(model=Model(hidden=(9, 8), activation="relu", batch_norm=True))


@pytest.fixture
def run(tmp_path):
    model = network.build(CONFIG)
    save(tmp_path, model, step=100)
    return tmp_path, model


def save(folder, model, step):
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    facts = {"config": CONFIG.model_dump(mode="json"), "step": step}
    Keeper(folder).save(Checkpoint(tensors, facts))


def test_what_is_saved_is_loaded(run):
    folder, model = run
    loaded = network.load(str(folder))
    assert loaded.config == CONFIG
    x = torch.rand(3, 784)
    assert torch.equal(loaded.model(x), model.eval()(x))


def test_the_newest_checkpoint_is_taken(run):
    folder, _ = run
    save(folder, network.build(CONFIG), step=2000)
    assert network.find(str(folder))[1].facts["step"] == 2000


def test_the_shipped_network_is_the_lessons():
    model, config = network.load("pretrained")
    assert config == DEFAULTS.config
    assert sum(parameter.numel() for parameter in model.parameters()) == 45_360
    assert not model.training


def rewrite(folder, change):
    path = Keeper(folder).path(100)
    tensors, facts = checkpoint.read(path)
    change(tensors, facts)
    checkpoint.write(path, Checkpoint(tensors, facts))


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors, facts: facts.clear(),
        lambda tensors, facts: facts["config"].update(sed=1),
        lambda tensors, facts: facts["config"].update(model={"hidden": [9, 9]}),
        lambda tensors, facts: facts.update(config=3),
        lambda tensors, facts: tensors.pop("model.logits.bias"),
        lambda tensors, facts: tensors.update({"model.more": torch.zeros(1)}),
        lambda tensors, facts: tensors["model.logits.bias"].fill_(torch.nan),
    ],
)
def test_a_file_that_is_whole_but_no_network_is_refused(run, change):
    folder, _ = run
    rewrite(folder, change)
    with pytest.raises(UserError, match="holds no network") as refusal:
        network.load(str(folder))
    assert "\n" not in str(refusal.value)


def test_description():
    assert network.describe(Config()) == "784-50-100-10 sigmoid"
    assert network.describe(CONFIG) == "784-9-8-10 relu, batch norm"
