"""Files like the textbook's sample_weight.pkl, and files that only look like it."""

import pickle
import struct
from io import BytesIO

import numpy as np

from torchbasics.mnist.textbook_weights import SHAPES

RECONSTRUCT = np.zeros(1).__reduce__()[0]
NAMES = {np.ndarray: "ndarray", np.dtype: "dtype", RECONSTRUCT: "_reconstruct"}


class Pickler(pickle._Pickler):
    """Writes arrays as NumPy and Python did, by any protocol; below 3 as Python 2."""

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

    def save_text(self, value):
        """Python 2 had one type for texts and bytes."""
        if self.proto >= 3:
            return pickle._Pickler.dispatch[type(value)](self, value)
        content = value.encode("latin-1") if isinstance(value, str) else value
        if self.proto == 0:
            self.write(pickle.STRING + repr(content)[1:].encode() + b"\n")
        elif len(content) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(content)]) + content)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)
        return self.memoize(value)

    dispatch = pickle._Pickler.dispatch | {str: save_text, bytes: save_text}


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
