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


def test_why_cuda_is_not_there_is_said_in_pytorchs_words():
    if torch.cuda.is_available():
        pytest.skip("CUDA is here")
    why = device.problem(torch.device("cuda"))
    with pytest.raises((RuntimeError, AssertionError)) as said:
        torch.ones(1, device="cuda")
    assert why == str(said.value).splitlines()[0]
    with pytest.raises(ValueError, match="on this machine: auto, cpu") as refused:
        device.choose("cuda")
    assert str(refused.value).endswith(f". {why}")
    with pytest.raises(ValueError, match="'xpu:9' is not there") as refused:
        device.choose("xpu:9")
    assert why not in str(refused.value)


@pytest.mark.parametrize("error", [RuntimeError, AssertionError])
def test_a_driver_that_does_not_do_is_told_in_a_line(monkeypatch, error):
    def ones(*args, **options):
        raise error("The driver is too old (found version 11040)\nmore")

    monkeypatch.setattr(torch, "ones", ones)
    wanted = "The driver is too old (found version 11040)"
    assert device.problem(torch.device("cuda")) == wanted


def test_a_device_that_is_there_but_cannot_compute_is_refused_or_left(monkeypatch):
    """The meta device is one: it has no numbers."""
    monkeypatch.setattr(device, "accelerator", lambda: torch.device("meta"))
    chosen, reason = device.choose("auto")
    assert chosen.type == "cpu"
    assert reason.startswith("cpu, as meta cannot compute: ")
    with pytest.raises(ValueError, match=r"'meta' cannot compute: .*; take cpu"):
        device.choose("meta")
    assert device.choose("cpu")[0].type == "cpu"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("inside", [False, True])
def test_tiny_numbers_are_afterwards_what_they_were_before(dtype, before, inside):
    tiny = torch.tensor(1e-40, dtype=torch.float32)
    torch.set_default_dtype(dtype)
    torch.set_flush_denormal(before)
    try:
        with device.cpu_threads(flush_denormal=inside):
            assert bool(tiny * 1) is not (before or inside)
        assert bool(tiny * 1) is not before
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_flush_denormal(False)


def test_in_the_default_mode_nothing_of_a_caller_counts_and_all_is_as_it_was():
    x = torch.ones(2, 2)
    with torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
        with device.default_mode():
            y = x.clone().requires_grad_() @ x
            assert y.dtype == torch.float32
            assert y.requires_grad
        assert (x @ x).dtype == torch.bfloat16
        assert torch.is_inference_mode_enabled()
