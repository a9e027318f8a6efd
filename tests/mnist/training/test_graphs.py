"""Steps by graph: the same numbers as one by one, by a graph that stands in for CUDA's.

CUDA's keeps kernels with all their arguments. `recorded` keeps PyTorch's operators with
all theirs, and runs them again: what Python would decide otherwise the second time is
frozen in it, too.
"""

import gc
import weakref
from functools import partial
from importlib import import_module
from itertools import pairwise

import pytest
import torch
from helpers import full
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from torchbasics import mlp, rng
from torchbasics.command.errors import TrainingError
from torchbasics.command.signals import StopRequest
from torchbasics.data import ImageDataset
from torchbasics.mlp import StochasticModule, attach_generator
from torchbasics.mnist.config import (
    Config,
    DataConfig,
    DistortConfig,
    ModelConfig,
    OptimConfig,
    ScheduleConfig,
)
from torchbasics.mnist.training import graphs, step
from torchbasics.mnist.training.graphs import Graph, Graphed
from torchbasics.mnist.training.loop import (
    epoch_batches,
    epoch_order,
    training_steps,
)
from torchbasics.mnist.training.optim import make_loss
from torchbasics.mnist.training.resume import (
    load_state_dict,
    snapshot,
    state_dict,
    take_back,
)
from torchbasics.mnist.training.schedule import learning_rate
from torchbasics.mnist.training.setup import setup
from torchbasics.mnist.training.state import Plan
from torchbasics.mnist.training.step import SeveralSteps


class Recorder(TorchDispatchMode):
    """Keeps each operator that is called, and what the memory was that it was given."""

    def __init__(self):
        super().__init__()
        self.calls = []
        self.before = {}
        self.made = set()

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        for memory in memories((args, kwargs)):
            if memory.data_ptr() not in self.made | self.before.keys():
                self.before[memory.data_ptr()] = memory, memory.clone()
        outputs = operator(*args, **kwargs)
        self.calls.append((operator, args, kwargs, outputs))
        new = {memory.data_ptr() for memory in memories(outputs)}
        self.made |= new - self.before.keys()
        return outputs

    def replay(self):
        for operator, args, kwargs, outputs in self.calls:
            again = operator(*args, **kwargs)
            returns = operator._schema.returns
            if any(one.alias_info for one in returns):
                continue  # a view, or what it has changed in place
            for old, new in zip(tree_iter(outputs), tree_iter(again), strict=True):
                if isinstance(old, Tensor):
                    old.detach().copy_(new)


def memories(tree):
    """The memory of each tensor in a tree."""
    leaves = (x for x in tree_iter(tree) if isinstance(x, Tensor))
    return [x.untyped_storage() for x in leaves]


def recorded(function, inputs, generator):
    """What stands in for `graphs.capture`: it, too, leaves everything as it was."""
    static = tuple(value.clone() for value in inputs)
    state = generator and generator.get_state()
    with Recorder() as recorder:
        outputs = function(*static)
    for memory, value in recorder.before.values():
        memory.copy_(value)
    if generator:
        generator.set_state(state)

    def replay():
        with torch.no_grad():
            recorder.replay()

    return Graph(static, outputs, replay)


@pytest.fixture
def as_on_cuda(monkeypatch):
    """Let the CPU take four steps at once, by recorded graphs; counts the replays."""
    replayed = []

    def capture(*what):
        graph = recorded(*what)
        return graph._replace(replay=lambda: (replayed.append(1), graph.replay()))

    monkeypatch.setattr(graphs, "steps_per_pause", lambda device: 4)
    monkeypatch.setattr(graphs, "capture", capture)
    return replayed


def trained(config, splits, stop=None):
    """What a training ends in: weights, averaged weights, each step's loss."""
    training = setup(config, splits)
    losses = [x for progress in training_steps(training, stop) for x in new(progress)]
    return (
        numbers(training.model),
        numbers(training.averaged and training.averaged.module),
        losses,
    )


def new(progress):
    """The losses since the last pause."""
    return torch.hstack([progress.losses[-1]]).tolist()


def numbers(model):
    """A copy of all that a network learns and counts."""
    return [x.clone() for x in model.state_dict().values()] if model else []


def one_by_one(config, splits):
    """The same by a plain loop of its own, from images to weights."""
    training = setup(config, splits)
    model, optimizer, plan = training.model, training.optimizer, training.progress.plan
    generator, pause, losses = attach_generator(model), 0, []
    device, loss_function = training.device, make_loss(config.optim)
    rate = torch.zeros((), device=device)
    optimizer.param_groups[0]["lr"] = rate
    while training.progress.step < plan.total_steps:
        for images, labels in epoch_batches(training):
            done = training.progress.step
            size = config.batch_size
            for some, truth in zip(images.split(size), labels.split(size), strict=True):
                if generator and done == pause:
                    rng.reseed(generator, config.seed, "dropout", done)
                if done == pause:
                    pause = plan.pause_after(done)
                total = plan.total_steps
                rate.fill_(learning_rate(config.schedule, config.optim.lr, done, total))
                optimizer.zero_grad()
                bf16 = config.precision == "bf16"
                with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                    logits = model(some)
                loss = loss_function(logits.float(), truth)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
                done += 1
            training.progress.step = done
    return (
        numbers(model),
        numbers(training.averaged and training.averaged.module),
        losses,
    )


SMALL = {"hidden": (30, 20), "activation": "relu"}
OPTIONS = {
    "dropout, batch norm, EMA": {
        "model": ModelConfig(**SMALL, batch_norm=True, dropout=0.2, input_dropout=0.1),
        "optim": OptimConfig(name="adam", ema=0.9),
    },
    "momentum, noise, max-norm": {
        "model": ModelConfig(**SMALL, input_noise=0.2),
        "optim": OptimConfig(name="sgd", lr=0.1, momentum=0.9, max_norm=1.0, ema=0.9),
    },
    "the lesson's": {},
    "plain sgd": {"optim": OptimConfig(name="sgd", lr=0.5)},
    "nesterov": {"optim": OptimConfig(name="sgd", lr=0.1, momentum=0.9, nesterov=True)},
    "bf16, smoothed labels, decay, distortions": {
        "precision": "bf16",
        "model": ModelConfig(**SMALL),
        "optim": OptimConfig(label_smoothing=0.1, weight_decay=0.1),
        "distort": DistortConfig(rotation=12, elastic=1.0),
    },
    "an end within an epoch": {"max_steps": 75},
    "cosine, standard pixels": {
        "schedule": ScheduleConfig(name="cosine"),
        "data": DataConfig(scale="standard"),
    },
}
TWO_HUNDRED = {"epochs": 4, "batch_size": 20}  # of 50 steps each, with 1,000 images


@pytest.mark.slow
@pytest.mark.parametrize("name", full(*zip(OPTIONS)))
def test_steps_by_graph_are_the_steps_one_by_one(few, as_on_cuda, name):
    config = Config(**TWO_HUNDRED | OPTIONS[name])
    *weights, losses = trained(config, few)
    assert len(as_on_cuda) > len(losses) / 5
    *wanted, one_by_ones = one_by_one(config, few)
    assert losses == one_by_ones
    for got, want in zip(weights, wanted, strict=True):
        assert all(map(torch.equal, got, want))


def test_what_python_decided_once_is_frozen_in_a_graph(few, as_on_cuda, monkeypatch):
    """So the test above would see a learning rate that a graph has for ever."""
    set_rate = step.set_learning_rate
    monkeypatch.setattr(
        step, "set_learning_rate", lambda optimizer, lr: set_rate(optimizer, lr.item())
    )
    config = Config(max_steps=12)
    assert trained(config, few)[-1] != one_by_one(config, few)[-1]


def test_a_function_is_called_once_then_recorded_and_only_replayed():
    calls, decided = [], iter(range(10))

    def function(x):
        calls.append(len(x))
        return (x + next(decided),)

    graphed = Graphed(function, None, recorded)
    ones = torch.ones(2)
    assert [graphed(k * ones)[0].tolist() for k in (1, 2, 3, 4)] == [
        *([1, 1], [3, 3], [4, 4], [5, 5])
    ]
    assert graphed(torch.ones(3))[0].tolist() == [3, 3, 3]
    assert (calls, graphed.replays) == ([2, 2, 3], 3)


def test_where_no_graph_can_be_recorded_training_goes_on_and_says_so_once(
    few, as_on_cuda, monkeypatch, capsys
):
    def broken(*what):
        raise RuntimeError("operation not permitted when stream is capturing\nCUDA ...")

    config = Config(**OPTIONS["dropout, batch norm, EMA"], max_steps=25)
    wanted = trained(config, few)
    monkeypatch.setattr(graphs, "capture", broken)
    again = trained(config, few)
    assert again[-1] == wanted[-1]
    assert all(map(torch.equal, again[0] + again[1], wanted[0] + wanted[1]))
    err = capsys.readouterr().err
    assert err == (
        "warning: no CUDA graphs, so training is slower: "
        "operation not permitted when stream is capturing\n"
    )


@pytest.mark.parametrize("name", ["adamw", "sgd"])
@pytest.mark.parametrize("bad", [2, 30, 49])
def test_a_bad_step_is_not_taken_nor_any_after_it_and_its_number_is_known(
    few, as_on_cuda, bad, name
):
    """Step 2 is in the first call, 30 within a graph, 49 the epoch's last."""
    config = Config(
        epochs=2,
        batch_size=20,
        optim=OptimConfig(name=name, lr=0.01, ema=0.9),
        schedule=ScheduleConfig(name="constant", warmup=0),
    )
    images = few.train.images.float()
    images[epoch_order(0, 0, 1000)[20 * bad + 7], 3, 3] = torch.nan
    spoilt = few._replace(train=ImageDataset(images, few.train.labels))
    training, reached = setup(config, spoilt), []
    with pytest.raises(TrainingError, match=rf"^step {bad} .*activations of hidden1\."):
        reached.extend(progress.step for progress in training_steps(training))
    assert reached[-1] == 49  # the epoch's end is never told of
    weights, _, _ = one_by_one(config.model_copy(update={"max_steps": bad}), few)
    assert all(map(torch.equal, numbers(training.model), weights))


def test_a_stop_after_a_bad_step_keeps_nothing_and_names_its_learning_rate(
    few, as_on_cuda
):
    config = Config(batch_size=20)
    training, stop = setup(config, few), StopRequest()
    rate = learning_rate(config.schedule, config.optim.lr, 4, 500)
    steps = training_steps(training, stop)
    next(steps)
    with torch.no_grad():
        training.model.logits.bias[0] = torch.nan
    next(steps)
    stop.signal = 15
    with pytest.raises(TrainingError, match=f"^step 4 at learning rate {rate:g} met"):
        next(steps)


def test_a_trainings_graphs_are_gone_with_it(few, as_on_cuda, monkeypatch):
    """A graph keeps memory of the device, and no collector would come for it."""
    kept, capture = [], graphs.capture

    def captured(*what):
        graph = capture(*what)
        kept.extend(map(weakref.ref, graph.outputs))
        return graph

    monkeypatch.setattr(graphs, "capture", captured)
    gc.disable()
    try:
        trained(Config(batch_size=20, max_steps=12), few)
        assert kept
        assert all(there() is None for there in kept)
    finally:
        gc.enable()


def test_a_training_stops_at_a_pause_and_goes_on_as_if_it_had_not(few, as_on_cuda):
    config = Config(**OPTIONS["dropout, batch norm, EMA"], max_steps=25)
    *wanted, losses = trained(config, few)
    training, stop = setup(config, few), StopRequest()
    for progress in training_steps(training, stop):
        stop.signal = 15 if progress.step > 10 else 0
    assert progress.step == 18  # asked at 14, it takes what leads to the next pause
    resumed = setup(config, few)
    load_state_dict(resumed, state_dict(training))
    again = [x for progress in training_steps(resumed) for x in new(progress)]
    assert again == losses[18:]
    for got, want in zip((resumed.model, resumed.averaged.module), wanted, strict=True):
        assert all(map(torch.equal, numbers(got), want))


def test_an_epochs_last_step_is_taken_back_from_a_graph_too(few, as_on_cuda):
    training = setup(Config(batch_size=20, optim=OptimConfig(ema=0.9)), few)
    for progress in training_steps(training):
        if progress.step == 49:
            kept, before = numbers(training.model), snapshot(training)
        if progress.is_epoch_end():
            break
    take_back(training, before)
    assert (progress.step, len(torch.hstack(progress.losses))) == (49, 49)
    assert all(map(torch.equal, numbers(training.model), kept))


@pytest.mark.parametrize("steps", [1, 2, 15, 16, 17, 18, 97, 600])
def test_pauses_lead_to_the_epochs_end_and_its_last_step_is_alone(steps):
    for total in (3 * steps, 2 * steps + 5):
        plan = Plan(steps, total, steps_per_pause=16)
        pauses = [0]
        while pauses[-1] < total:
            pauses.append(plan.pause_after(pauses[-1]))
        ends = {min(epoch * steps, total) for epoch in range(1, total // steps + 2)}
        assert {p for p in pauses if plan.is_epoch_end(p) and p} == ends
        assert {end - 1 for end in ends} <= {*pauses}
        assert max(b - a for a, b in pairwise(pauses)) <= 16
        for a, b in pairwise(pauses):  # from wherever one resumes, the same pauses
            assert {plan.pause_after(step) for step in range(a, b)} == {b}
        assert Plan(steps, total).steps_to_pauses(0) == [1] * steps


class OnlyThere(TorchDispatchMode):
    """Lets an operator see tensors of the meta device only, or the host's own alone.

    The fused optimizers' kernels have no form for that device, so they are not called.
    """

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        leaves = tree_iter((args, kwargs or {}))
        devices = {x.device.type for x in leaves if isinstance(x, Tensor)}
        assert len(devices) <= 1, (operator, devices)
        if "_fused_" in str(operator):
            assert devices == {"meta"}
            return None
        return operator(*args, **kwargs or {})


@pytest.mark.parametrize("name", full(*zip(OPTIONS), first=2))
def test_a_graph_reads_nothing_from_the_device_and_needs_nothing_else(
    few, as_on_cuda, monkeypatch, name
):
    """On the meta device there are no numbers: whoever asks for one gets an error."""
    for kind in ("adam", "sgd"):
        module = import_module(f"torch.optim.{kind}")
        monkeypatch.setattr(module, "_device_dtype_check_for_fused", lambda p: None)
    none = lambda *_: None  # noqa: E731 - that device has no generators, no autocast
    monkeypatch.setattr(StochasticModule, "generator_on", none)
    bits = partial(torch.empty, dtype=torch.int16, device="meta")
    monkeypatch.setattr(mlp, "random_int16", lambda size, generator: bits(size))
    monkeypatch.setattr(torch, "is_autocast_enabled", none)
    there = few._replace(train=ImageDataset(*(x.to("meta") for x in few.train)))
    training = setup(Config(**OPTIONS[name] | {"precision": "fp32"}), there)
    steps = SeveralSteps(training, None).graphed.function
    training.model.train()
    inputs = torch.empty(200, 784), torch.empty(200, dtype=torch.long), torch.empty(2)
    inputs = [x.to("meta") for x in inputs]
    with OnlyThere():
        for _ in range(2):
            losses, logits = steps(*inputs)
    assert (losses.shape, logits.shape) == ((2,), (200, 10))


@pytest.mark.parametrize(
    "read",
    [
        lambda x: x.sum().item(),
        lambda x: x.tolist(),
        lambda x: x.cpu(),
        lambda x: x.nonzero(),
        lambda x: x[x > 0],
        lambda x: bool(x.sum() > 0),
        lambda x: x + torch.ones(2),
        lambda x: x + torch.ones(()),
    ],
)
def test_such_a_reader_would_be_found(read):
    refused = RuntimeError, NotImplementedError, AssertionError
    with OnlyThere(), pytest.raises(refused):
        read(torch.empty(2, device="meta"))


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU")


@pytest.mark.cuda
@needs_cuda
@pytest.mark.parametrize("name", OPTIONS)
def test_on_a_gpu_steps_by_graph_are_the_steps_one_by_one(few, monkeypatch, name):
    on_gpu = few._replace(train=ImageDataset(*(x.cuda() for x in few.train)))
    config, counted = Config(**TWO_HUNDRED | OPTIONS[name]), []
    replay = torch.cuda.CUDAGraph.replay
    monkeypatch.setattr(
        torch.cuda.CUDAGraph, "replay", lambda graph: (counted.append(1), replay(graph))
    )
    *weights, losses = trained(config, on_gpu)
    assert len(counted) > len(losses) / 20
    *wanted, one_by_ones = one_by_one(config, on_gpu)
    assert losses == one_by_ones
    for got, want in zip(weights, wanted, strict=True):
        assert all(map(torch.equal, got, want))


@pytest.mark.cuda
@needs_cuda
def test_on_a_gpu_a_capture_that_fails_leaves_generators_that_draw(few):
    generator = torch.Generator("cuda")

    def reads(x):
        noise = torch.empty_like(x).normal_(generator=generator)
        return (noise * float(x.sum()),)

    graphed = Graphed(reads, generator, graphs.capture)
    ones = torch.ones(2, device="cuda")
    for _ in range(3):
        assert graphed(ones)[0].isfinite().all()
    assert graphed.replays == 0
