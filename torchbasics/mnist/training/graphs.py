"""CUDA graphs: a function of tensors, recorded once, then launched in one piece.

A training step of a small network is some sixty kernels of a few microseconds each,
and to launch one from Python takes longer than that, so a fast GPU mostly waits. A
graph is the list of these kernels with all their arguments, launched by a single call
(https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs).

What is recorded is which memory is read and written, not how Python came to that. So
what differs between two replays has to lie in tensors that stay where they are; every
other number that Python gave a kernel is the first one for ever, and nobody is told.
And while a graph is recorded nothing may be read from the device: no `.item()`, no
`.cpu()`, no `if` on a tensor.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from torchbasics.command.errors import warn

STEPS = 16  # a graph: more of them gain little, and a run can stop only between two

Tensors = tuple[Tensor, ...]


class Graph(NamedTuple):
    """A recorded function: where it reads its inputs and leaves its outputs."""

    inputs: Tensors
    outputs: Tensors
    replay: Callable[[], None]


Capture = Callable[[Callable[..., Tensors], Tensors, Generator | None], Graph]


def steps_per_pause(device: torch.device) -> int:
    """How many steps are taken at once on that device, with graphs or without.

    >>> steps_per_pause(torch.device("cpu"))
    1
    """
    return STEPS if device.type == "cuda" else 1


class Graphed:
    """A function of tensors that is called once, then recorded, then only replayed.

    So it is for every shape of inputs. The first call, which does what was asked for
    too, is the warm-up: what PyTorch and the optimizer make when they are first used,
    no graph may hold. `generator` is the one that the function draws from.
    """

    def __init__(
        self,
        function: Callable[..., Tensors],
        generator: Generator | None,
        capture: Capture | None,
    ) -> None:
        self.function = function
        self.generator = generator
        self.capture = capture
        self.graphs: dict[torch.Size, Graph | None] = {}
        self.replays = 0

    def __call__(self, *inputs: Tensor) -> Tensors:
        """What the function makes of these inputs. Shape: (*)."""
        shape = inputs[0].shape
        if self.capture and shape not in self.graphs:
            self.graphs[shape] = None
            return on_side_stream(self.function, inputs)
        graph = self.graphs.get(shape) or self._captured(inputs)
        if graph is None:
            return self.function(*inputs)
        self.graphs[shape] = graph
        for static, value in zip(graph.inputs, inputs, strict=True):
            static.copy_(value)
        graph.replay()
        self.replays += 1
        return tuple(out.clone() for out in graph.outputs)

    def _captured(self, inputs: Tensors) -> Graph | None:
        """The function as a graph; where that fails, say so and try no more."""
        try:
            return self.capture and self.capture(self.function, inputs, self.generator)
        except RuntimeError as error:
            self.capture = None
            reason = str(error).partition("\n")[0]
            warn(f"no CUDA graphs, so training is slower: {reason}")
            return None


@cache
def side_stream(device: torch.device) -> torch.cuda.Stream:
    """The stream on which a device's graphs are recorded: never its default one."""
    return torch.cuda.Stream(device)


def on_side_stream(function: Callable[..., Tensors], inputs: Tensors) -> Tensors:
    """What the function makes of these inputs, where a graph of it will be recorded.

    So what a library makes for a stream, such as cuBLAS its workspace, is there by
    then. Elsewhere than on CUDA there is one stream. Shape: (*).
    """
    if not inputs[0].is_cuda:
        return function(*inputs)
    device = inputs[0].device
    here, side = torch.cuda.current_stream(device), side_stream(device)
    side.wait_stream(here)
    with torch.cuda.stream(side):
        outputs = function(*inputs)
    here.wait_stream(side)
    return outputs


def capture(
    function: Callable[..., Tensors], inputs: Tensors, generator: Generator | None
) -> Graph:
    """Record what the function does to tensors like these; nothing is computed yet.

    Shape: (*).
    """
    static = tuple(value.clone() for value in inputs)
    side = side_stream(inputs[0].device)
    try:
        with torch.cuda.stream(side):  # a capture that fails does not leave its stream
            graph = torch.cuda.CUDAGraph()
            if generator:
                graph.register_generator_state(generator)
            with torch.cuda.graph(graph, stream=side):
                outputs = function(*static)
    except RuntimeError:
        if generator:  # else it would wait for the end of this capture for ever
            fresh = Generator(generator.device).graphsafe_get_state()
            generator.graphsafe_set_state(fresh)
        raise
    return Graph(static, outputs, graph.replay)
