"""The textbook's pickle: read whatever wrote it, or refused with nothing of it run."""

import os
import pickle
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import full
from textbook_pickles import pickled, some_weights

from torchbasics.command.errors import UserError
from torchbasics.mnist import doctor, network
from torchbasics.mnist.evaluate import main
from torchbasics.mnist.textbook_weights import (
    MAX_BYTES,
    SHA256,
    SHAPES,
    read_pickle,
)

WEIGHTS = some_weights()


@pytest.fixture
def read(tmp_path):
    """What `read_pickle` makes of a file that holds these bytes."""

    def read(content):
        path = tmp_path / "sample_weight.pkl"
        path.write_bytes(content)
        return read_pickle(path)

    return read


@pytest.mark.parametrize("module", ["numpy.core.multiarray", "numpy._core.multiarray"])
@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_the_same_numbers_come_of_every_form(read, protocol, order, module):
    written = pickled(some_weights(order=order), protocol, module=module)
    arrays = read(written).arrays
    assert {key: tuple(tensor.shape) for key, tensor in arrays.items()} == SHAPES
    for key, tensor in arrays.items():
        assert tensor.dtype == torch.float32
        assert np.array_equal(tensor.numpy(), WEIGHTS[key])
    assert np.array_equal(pickle.loads(written)["W1"], WEIGHTS["W1"])


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4", ">f8"])
@pytest.mark.parametrize("order", "CF")
def test_floats_of_every_size_and_byte_order_are_read(read, dtype, order):
    weights = some_weights(dtype, order)
    for key, tensor in read(pickled(weights)).arrays.items():
        assert np.array_equal(tensor.numpy(), weights[key].astype(np.float32))


def test_what_numpy_writes_today_is_read(read):
    assert read(pickle.dumps(WEIGHTS, 4)).arrays.keys() == WEIGHTS.keys()


@pytest.mark.skipif("SAMPLE_WEIGHT" not in os.environ, reason="it is not ours to ship")
def test_the_textbooks_own_file_scores_as_the_textbook_says(mnist):
    weights = read_pickle(Path(os.environ["SAMPLE_WEIGHT"]))
    assert weights.sha256 == SHA256
    rows = {
        finding.done: finding.evaluation
        for finding in doctor.findings(network.from_textbook(weights), mnist[1])
    }
    assert rows["pixels / 255"].num_correct == 9352
    assert rows["pixels raw, 0 to 255"].num_correct == 9207
    assert rows["pixels standardised"].num_correct == 8957
    assert rows["pixels / 255"].loss == pytest.approx(0.224544, abs=1e-6)


def name(text, protocol=0):
    """The instructions that put a name, `module name`, on the stack."""
    module, what = text.encode().split(b" ", 1)
    if protocol < 4:
        return b"c" + module + b"\n" + what + b"\n"
    return b"".join(b"\x8c" + bytes([len(t)]) + t for t in (module, what)) + b"\x93"


STRANGE_NAMES = [
    "os system", "posix system", "nt system", "subprocess Popen", "subprocess call",
    "builtins eval", "builtins exec", "builtins getattr", "builtins __import__",
    "builtins open", "__builtin__ eval", "builtins bytearray", "builtins type",
    "_codecs encode", "codecs decode", "copyreg _reconstructor", "pickle loads",
    "importlib import_module", "operator attrgetter", "functools partial",
    "torch load", "torch._utils _rebuild_tensor_v2", "joblib load", "runpy run_path",
    "numpy load", "numpy fromfile", "numpy memmap", "numpy save", "numpy array",
    "numpy core.multiarray._reconstruct", "numpy dtype.type", "numpy ndarray.tofile",
    "numpy ndarray.__class__", "numpy dtypes", "numpy Dtype", "numpy  dtype",
    "numpy.core.multiarray scalar", "numpy.core.multiarray ndarray",
    "numpy._core.multiarray fromfile", "numpy._core.numeric _frombuffer",
    "numpy.core _reconstruct", "numpy._core._core.multiarray _reconstruct",
    "numpy.testing._private.utils runstring", "numpy.f2py compile",
    "torchbasics.mnist.textbook_weights Name", "__main__ main", "numpy ndarray\x1b[2J",
]  # fmt: skip


@pytest.mark.parametrize("protocol", [0, 4])
@pytest.mark.parametrize("text", STRANGE_NAMES)
def test_any_other_name_is_refused_unread(read, text, protocol):
    call = name(text, protocol) + b"(S'touch /tmp/ran'\ntR."
    with pytest.raises(UserError, match=r"it names '.*', and nothing of it is run"):
        read(call)


def armed(marker):
    """Pickles that would make a file, by each way in which a pickle calls."""
    text = f"S'touch {marker}'\n".encode()
    words = f"(S'touch'\nS'{marker}'\nl".encode()
    code = f'S\'open("{marker}", "w").close()\'\n'.encode()
    call = b"cos\nsystem\n(" + text + b"tR"
    arrays = pickled(WEIGHTS)
    return {
        "GLOBAL": call + b".",
        "STACK_GLOBAL": name("os system", 4) + b"(" + text + b"tR.",
        "INST": b"(" + text + b"ios\nsystem\n.",
        "OBJ": b"(cos\nsystem\n" + text + b"o.",
        "a list of words": b"csubprocess\ncall\n(" + words + b"tR.",
        "eval": b"cbuiltins\neval\n(" + code + b"tR.",
        "exec": b"cbuiltins\nexec\n(" + code + b"tR.",
        "after the arrays": arrays[:-1] + call + b"0.",
        "before the arrays": call + b"0" + arrays[2:],
        "as a key": b"}" + call + b"I1\ns.",
        "as a state": b"cnumpy\ndtype\n(S'f4'\ntR" + call + b"0.",
    }


@pytest.mark.parametrize("way", armed(""))
def test_no_call_that_a_pickle_asks_for_is_made(read, tmp_path, way):
    marker = tmp_path / "ran"
    content = armed(marker)[way]
    with pytest.raises(UserError) as refusal:
        read(content)
    assert "\n" not in str(refusal.value)
    assert not marker.exists()
    pickle.loads(content)  # Python's own unpickler makes it
    assert marker.exists()


UNKNOWN = {
    "EXT1": b"\x82\x01.", "EXT2": b"\x83\x01\x00.", "EXT4": b"\x84\x01\x00\x00\x00.",
    "PERSID": b"Pme\n.", "BINPERSID": b"NQ.", "INST": b"(inumpy\nndarray\n.",
    "OBJ": b"(cnumpy\nndarray\no.", "NEWOBJ": b"cnumpy\nndarray\n)\x81.",
    "NEWOBJ_EX": b"cnumpy\nndarray\n)}\x92.", "POP": b"NN0.", "POP_MARK": b"N(1.",
    "DUP": b"N2.", "LIST": b"(l.", "EMPTY_LIST": b"].", "APPEND": b"]Na.",
    "EMPTY_SET": b"\x8f.", "FROZENSET": b"(\x91.", "FLOAT": b"F1.5\n.",
    "BINFLOAT": b"G" + bytes(8) + b".", "LONG4": b"\x8b\x01\x00\x00\x00\x01.",
    "BYTEARRAY8": b"\x96" + bytes(8) + b".", "NEXT_BUFFER": b"\x97.",
    "READONLY_BUFFER": b"N\x98.", "BINBYTES8": b"\x8e" + b"\xff" * 8,
    "BINUNICODE8": b"\x8d" + b"\xff" * 8,
}  # fmt: skip


@pytest.mark.parametrize("opcode", UNKNOWN)
def test_an_instruction_that_no_array_needs_is_not_followed(read, opcode):
    with pytest.raises(UserError, match="no pickle of NumPy arrays"):
        read(UNKNOWN[opcode])


NESTED = b"K\x01" + b"".join(
    b"q" + bytes([n]) + b"h" + bytes([n]) + b"h" + bytes([n]) + b"\x87"
    for n in range(99)
)
ARRAY = pickled(WEIGHTS["b3"])[2:-1]  # without PROTO and STOP
TORN = {
    "nothing": b"", "text": b"784-50-100-10\n", "a picture": b"\x89PNG\r\n\x1a\n",
    "an archive": b"PK\x03\x04" + bytes(99), "zeros": bytes(999), "ones": b"\xff" * 999,
    "no end": b"}", "more after the end": pickled(WEIGHTS) + b"N", "two values": b"NN.",
    "no value": b".", "no mark": b"t.", "no mark before items": b"}u.",
    "too few values": b"N\x87.", "a mark below": b"N(\x85t.", "no dict": b"NNNs.",
    "a key alone": b"(\x8c\x01ad.", "no memory": b"h\x07.",
    "nothing to keep": b"q\x00.",
    "keys that are no texts": b"}K\x01K\x01s.", "a state of None": b"NNb.",
    "a state of a name": b"cnumpy\ndtype\n}\x8c\x05stateNsb.",
    "a state of a dict": b"}}b.", "a state of a tuple": b")}b.",
    "a name of numbers": b"K\x01K\x02\x93.", "half a text": b"\x8c\x03ab.",
    "bytes that are not there": b"B\xff\xff\xff\x7f.",
    "a frame of nothing": b"\x95\xff",
    "a number of 5,000 digits": b"I" + b"7" * 5000 + b"\n.", "no number": b"Ione\n.",
    "a million instructions": b"N" * (MAX_BYTES - 1) + b".",
    "a thousand too many": b"\x80\x03" * 999 + pickled(WEIGHTS),
    "a million marks": b"(" * (MAX_BYTES - 1) + b".",
    "a key that takes for ever to hash": b"}" + NESTED + b"Ns.",
}  # fmt: skip


@pytest.mark.parametrize("what", TORN)
def test_what_is_no_pickle_of_arrays_is_refused(read, what):
    with pytest.raises(UserError, match="no pickle of NumPy arrays"):
        read(TORN[what])


@pytest.mark.slow
@pytest.mark.parametrize("steps", full(797, 97))
def test_a_file_that_is_cut_off_anywhere_is_refused(read, steps):
    for protocol, apart in ((3, steps), (4, 9973)):
        content = pickled(WEIGHTS, protocol)
        for size in range(0, len(content), apart):
            with pytest.raises(UserError, match="it is torn"):
                read(content[:size])


def changed(**arrays):
    """A pickle of the weights, but for these; None leaves one out."""
    both = WEIGHTS | arrays
    return pickled({key: value for key, value in both.items() if value is not None})


def described(
    shape=(10,), dtype=b"\x8c\x02f4", order=b"<", raw=bytes(40), zero=b"K\x00"
):
    """The weights with a b3 of which all parts can be said."""
    sizes = b"".join(b"\x8a\x08" + struct.pack("<q", size) for size in shape)
    numpy = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
    head = numpy + zero + b"\x85C\x01b\x87R(K\x01(" + sizes + b"t"
    kind = b"cnumpy\ndtype\n(" + dtype + b"K\x00K\x01tR(K\x03\x8c\x01" + order
    state = kind + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    b3 = head + state + b"\x89B" + struct.pack("<I", len(raw)) + raw + b"tb"
    return (
        pickled({k: WEIGHTS[k] for k in [*WEIGHTS][:-1]})[:-1]
        + b"\x8c\x02b3"
        + b3
        + b"s."
    )


def test_the_parts_are_put_together_rightly(read):
    assert not read(described()).arrays["b3"].any()


NAN, INF = (np.full(10, value, np.float32) for value in (np.nan, np.inf))
WRONG = {
    "no dict": (ARRAY + b".", r"it holds \[\]; wanted a dict of W1, b1"),
    "a number": (b"K\x01.", r"it holds \[\]"),
    "an empty dict": (b"}.", r"it holds \[\]; wanted a dict of W1, b1, W2, b2, W3, b3"),
    "a key too few": (changed(b3=None), "it holds"),
    "a key too many": (changed(b4=WEIGHTS["b3"]), "it holds"),
    "other keys": (pickled({k.lower(): v for k, v in WEIGHTS.items()}), "it holds"),
    "a long key": (changed(**{"k" * 9999: WEIGHTS["b3"]}), r"it holds .{0,80}\.\.\.;"),
    "a transposed array": (changed(W1=WEIGHTS["W1"].T), r"W1 is .* shape \(784, 50\)"),
    "a row for a bias": (changed(b1=WEIGHTS["b1"][None]), r"b1 is .* shape \(50,\)"),
    "a number for a bias": (changed(b3=np.zeros(())), "b3 is no array of floats"),
    "another layer": (changed(W3=WEIGHTS["W3"][:50]), r"W3 is .* shape \(100, 10\)"),
    "None": (pickled(WEIGHTS | {"b3": None}), "b3 is no array of floats"),
    "a text": (pickled(WEIGHTS | {"b3": "b3"}), "b3 is no array"),
    "itself": (pickled(WEIGHTS)[:-1] + b"\x8c\x02b3h\x00s.", "b3 is no array"),
    **{
        str(dtype): (changed(b3=np.zeros(10, dtype)), "b3 is no array of floats")
        for dtype in ("?", "i4", "<i8", "u1", "c8", "S4", "U2", "V4", "M8[s]", "f4,i4")
    },
    "long double": (changed(b3=np.zeros(10, "g")), "b3 is no array of floats"),
    "objects": (changed(b3=np.array([None] * 10)), "no pickle of NumPy arrays"),
    "objects said": (described(dtype=b"\x8c\x02O8", order=b"|"), "b3 is no array"),
    "a dtype that is none": (described(dtype=b"\x8c\x03f4,"), "b3 is no array"),
    "a dtype that is no text": (described(dtype=NESTED), "b3 is no array"),
    "a byte order that is none": (described(order=b"!"), "b3 is no array of floats"),
    "an array large at first": (described(zero=b"J\xff\xff\xff\x7f"), "b3 is no"),
    "a giant": (described((10**6, 10**6, 10**6)), "b3 is no array of floats"),
    "less than no length": (described((-10,)), "b3 is no array"),
    "many sizes": (described((1,) * 200), "b3 is no array of floats"),
    "too few bytes": (described(raw=bytes(39)), "b3: buffer size must be a multiple"),
    "a number too many": (described(raw=bytes(44)), "b3: cannot reshape array of size"),
    "too many bytes": (described(raw=bytes(41)), "b3: buffer size must be a multiple"),
    "no bytes": (described(raw=b""), "b3: cannot reshape array of size 0"),
    "nan": (changed(b3=NAN), "b3 holds numbers that are not finite"),
    "inf": (changed(b3=INF), "b3 holds numbers that are not finite"),
    "too large for float32": (changed(b3=np.full(10, 1e300)), "b3 holds numbers"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_arrays_that_are_not_the_textbooks_are_refused(read, what):
    content, said = WRONG[what]
    with pytest.raises(UserError, match=said) as refusal:
        read(content)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 400


def test_nothing_is_allocated_that_the_file_does_not_hold(read):
    tracemalloc.start()
    for content in (described((10**6,) * 3), *TORN.values(), *UNKNOWN.values()):
        with pytest.raises(UserError):
            read(content)
    assert tracemalloc.get_traced_memory()[1] < 20 * MAX_BYTES
    tracemalloc.stop()


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "too large"])
def test_what_is_no_such_file_is_refused(tmp_path, capsys, kind):
    path = tmp_path / "sample_weight.pkl"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "too large":
        path.write_bytes(pickled(WEIGHTS).ljust(MAX_BYTES + 1, b"."))
    assert main(["--textbook", str(path)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"error: cannot read {path}: ")


@pytest.mark.parametrize("content", [armed("/nowhere/at-all")["GLOBAL"], b"}.", b"..."])
def test_the_command_says_one_line_and_ends_with_2(tmp_path, capsys, content):
    path = tmp_path / "evil.pkl"
    path.write_bytes(content)
    runs = tmp_path / "runs"
    argv = ["--textbook", str(path), "--save", "--runs-dir", str(runs), "--doctor"]
    assert main([*argv, "--export", str(tmp_path / "net.npz")]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert [*tmp_path.iterdir()] == [path]
