"""Files like the textbook's sample_weight.pkl, and files that only look like it."""

import pickle
from io import BytesIO

import numpy as np

from torchbasics.mnist.textbook_weights import SHAPES

RECONSTRUCT = np.zeros(1).__reduce__()[0]
NAMES = {np.ndarray: "ndarray", np.dtype: "dtype", RECONSTRUCT: "_reconstruct"}


class Pickler(pickle._Pickler):
    """Writes arrays as NumPy did, by protocols 3 to 5."""

    def __init__(self, file, protocol, module="numpy.core.multiarray"):
        super().__init__(file, protocol)
        self.module = module

    def reducer_override(self, value):
        """Not by NumPy's way for protocol 5, which needs another name."""
        return value.__reduce__() if isinstance(value, np.ndarray) else NotImplemented

    def save_global(self, value, name=None):
        """The modules as they were called."""
        module = self.module if value is RECONSTRUCT else "numpy"
        if self.proto >= 4:
            self.save(module)
            self.save(NAMES[value])
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{module}\n{NAMES[value]}\n".encode())
        self.memoize(value)


def pickled(value, protocol=3, **options):
    """A pickle of arrays."""
    file = BytesIO()
    Pickler(file, protocol, **options).dump(value)
    return file.getvalue()


def some_weights(dtype="<f4", order="C"):
    """Six arrays of the textbook's shapes."""
    draws = np.random.default_rng(0)
    return {
        key: np.asarray(draws.normal(size=shape), dtype, order=order)
        for key, shape in SHAPES.items()
    }


def weights_of(model):
    """The six arrays of a 784-50-100-10 network, column-major like the textbook's."""
    layers = enumerate(model.linears().values(), start=1)
    return {
        key: value
        for number, layer in layers
        for key, value in (
            (f"W{number}", layer.weight.detach().numpy().T),
            (f"b{number}", layer.bias.detach().numpy()),
        )
    }
