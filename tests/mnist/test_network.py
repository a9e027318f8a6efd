"""A run's network: saved, found, loaded, or refused in one sentence."""

import pytest
import torch
from helpers import facts

from torchbasics.command.errors import UserError
from torchbasics.command.settings import read_config, shipped_configs
from torchbasics.evaluation import evaluate
from torchbasics.mnist import network
from torchbasics.mnist.config import Config, ModelConfig
from torchbasics.mnist.training import checkpoint
from torchbasics.mnist.training.checkpoint import Checkpoint, CheckpointManager

CONFIG = Config(model=ModelConfig(hidden=(9, 8), activation="relu", batch_norm=True))


@pytest.fixture
def run(tmp_path):
    model = network.build(CONFIG)
    count_batches(model, 100)
    save(tmp_path, model, step=100)
    return tmp_path, model


def count_batches(model, step):
    """As if it had been trained for so many steps."""
    for name, value in model.named_buffers():
        if name.endswith("num_batches_tracked"):
            value.fill_(step)


def save(folder, model, step):
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    CheckpointManager(folder).save(Checkpoint(tensors, facts(step, CONFIG)))


def test_what_is_saved_is_loaded(run):
    folder, model = run
    loaded = network.load(str(folder))
    assert loaded.config == CONFIG
    x = torch.rand(3, 784)
    assert torch.equal(loaded.model(x), model.eval()(x))


def test_the_latest_checkpoint_is_taken(run):
    folder, _ = run
    model = network.build(CONFIG)
    count_batches(model, 2000)
    save(folder, model, step=2000)
    assert network.find_checkpoint(str(folder))[1].metadata["step"] == 2000


def test_the_shipped_network_is_the_lessons():
    model, config = network.load("pretrained")
    assert config == Config()
    assert sum(parameter.numel() for parameter in model.parameters()) == 45_360
    assert not model.training


def test_the_other_shipped_network_is_that_of_its_config(mnist):
    model, config = network.load("pretrained-best")
    path, shipped = network.find_checkpoint("pretrained-best")
    stored = shipped.metadata["config"]
    wanted = read_config(Config, shipped_configs()["best"]).model_dump(mode="json")
    assert {name: wanted[name] for name in stored} == stored
    assert path.stat().st_size <= 1_200_000
    held = checkpoint.read(path).tensors
    assert {value.dtype for value in held.values()} == {torch.float16, torch.int64}
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    exactly = {"rtol": 0, "atol": 0, "check_dtype": False}
    torch.testing.assert_close(shipped.tensors, held, **exactly)
    images, labels = mnist[1]
    result = evaluate(model, images, labels, config.data.transform)
    assert result.num_correct == 9_944


def rewrite(folder, change):
    path = CheckpointManager(folder).path(100)
    tensors, metadata = checkpoint.read(path)
    change(tensors, metadata)
    checkpoint.write(path, Checkpoint(tensors, metadata))


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors, metadata: metadata["config"].update(model={"hidden": [9, 9]}),
        lambda tensors, metadata: tensors.pop("model.logits.bias"),
        lambda tensors, metadata: tensors.update({"model.more": torch.zeros(1)}),
        lambda tensors, metadata: tensors["model.logits.bias"].fill_(torch.nan),
    ],
)
def test_a_file_that_is_whole_but_no_network_is_refused(run, change):
    folder, _ = run
    rewrite(folder, change)
    with pytest.raises(UserError, match="holds no network") as refusal:
        network.load(str(folder))
    assert "\n" not in str(refusal.value)


def test_the_architecture_in_words():
    assert network.architecture(Config()) == "784-50-100-10 sigmoid"
    assert network.architecture(CONFIG) == "784-9-8-10 relu, batch norm"
    deep = Config(model=ModelConfig(hidden=(*range(1, 201),)))
    assert network.architecture(deep) == "784-1-2-3-...(196 more)...-200-10 sigmoid"
