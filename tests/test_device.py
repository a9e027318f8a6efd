"""Devices: what is asked for is what one gets, or an error that lists what is there."""

import pytest
import torch

from torchbasics import device
from torchbasics.errors import UserError


def test_auto_takes_the_accelerator_or_else_the_cpu():
    chosen, reason = device.choose("auto")
    assert chosen.type == (device.accelerator() or torch.device("cpu")).type
    assert chosen.type in reason


@pytest.mark.parametrize("name", ["cuda:99", "meta", "gpu", "", "cpu:7", "nonsense"])
def test_a_device_that_is_not_there_is_refused_with_the_choices(name):
    with pytest.raises(UserError, match=r"is not there; on this machine: auto, cpu"):
        device.choose(name)


@pytest.mark.skipif(device.accelerator() is not None, reason="there is an accelerator")
def test_cuda_is_never_silently_the_cpu():
    with pytest.raises(UserError, match="'cuda' is not there"):
        device.choose("cuda")


@pytest.mark.parametrize(
    ("gain", "said"),
    [(2.6, ""), (0.5, "bf16 is 2.0 times as slow as fp32 on this CPU")],
)
def test_bf16_is_advised_against_where_it_is_slower(monkeypatch, gain, said):
    monkeypatch.setattr(device, "bf16_gain", lambda: gain)
    assert said in device.bf16_advice(torch.device("cpu"))
    assert bool(device.bf16_advice(torch.device("cpu"))) == bool(said)
    assert device.bf16_advice(torch.device("meta")) == ""
