"""Devices: what is asked for is what one gets, or an error that lists what is there."""

import pytest
import torch

from torchbasics import device


def test_auto_takes_the_accelerator_or_else_the_cpu():
    chosen, reason = device.choose("auto")
    assert chosen.type == (device.accelerator() or torch.device("cpu")).type
    assert chosen.type in reason


@pytest.mark.parametrize("name", ["cuda:99", "meta", "gpu", "", "cpu:7", "nonsense"])
def test_a_device_that_is_not_there_is_refused_with_the_choices(name):
    with pytest.raises(ValueError, match=r"is not there; on this machine: auto, cpu"):
        device.choose(name)


@pytest.mark.skipif(device.accelerator() is not None, reason="there is an accelerator")
def test_cuda_is_never_silently_the_cpu():
    with pytest.raises(ValueError, match="'cuda' is not there"):
        device.choose("cuda")
