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


def test_why_cuda_is_not_there_is_said(monkeypatch):
    if torch.cuda.is_available():
        pytest.skip("CUDA is here")
    why = device.cuda_problem()
    assert why.startswith("PyTorch ")
    assert "\n" not in why
    with pytest.raises(ValueError, match="on this machine: auto, cpu") as refused:
        device.choose("cuda")
    assert str(refused.value).endswith(why)
    with pytest.raises(ValueError, match="xpu:9") as refused:
        device.choose("xpu:9")
    assert "PyTorch" not in str(refused.value)


@pytest.mark.parametrize(
    ("build", "visible", "said"),
    [
        (None, None, "is built without CUDA"),
        ("13.0", "", "built for CUDA 13.0, but CUDA_VISIBLE_DEVICES hides every card"),
    ],
)
def test_a_build_without_cuda_and_hidden_cards_are_told_apart(
    monkeypatch, build, visible, said
):
    monkeypatch.setattr(torch.version, "cuda", build)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert said in device.cuda_problem()


@pytest.mark.parametrize("said", ["too old (found version 11040). Please update", ""])
def test_a_driver_that_does_not_do_is_told_in_pytorchs_words(monkeypatch, said):
    def init():
        raise RuntimeError(f"The NVIDIA driver on your system is {said}\nmore")

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "init", init)
    why = f"built for CUDA 13.0, but The NVIDIA driver on your system is {said}"
    assert device.cuda_problem() == f"PyTorch is {why}"


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
