"""MNIST: the right digits, whatever state the data folder is in."""

import gzip
import hashlib
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from torchvision import datasets

from torchbasics import data
from torchbasics.command.errors import UserError
from torchbasics.data import mnist


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    root = str(tmp_path_factory.mktemp("mnist"))
    return data.load("train", root), data.load("test", root)


@pytest.mark.slow
def test_the_facts_every_course_states(digits):
    train, test = digits
    assert train.images.shape == (60_000, 28, 28)
    assert test.images.shape == (10_000, 28, 28)
    assert train.images.dtype == torch.uint8
    assert train.labels.dtype == torch.int64
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert train.labels.bincount().tolist() == counts
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert test.labels.bincount().tolist() == counts


@pytest.mark.slow
def test_unit_and_standard_scale(digits):
    images = digits[0].images
    unit = data.scale_pixels(images)
    assert unit.shape == (60_000, 784)
    assert (unit.min().item(), unit.max().item()) == (0, 1)
    assert unit.double().mean().item() == pytest.approx(0.130660, abs=1e-6)
    assert unit.double().std().item() == pytest.approx(0.308108, abs=1e-6)
    standard = data.scale_pixels(images, "standard").double()
    assert standard.mean().item() == pytest.approx(0, abs=1e-3)
    assert standard.std().item() == pytest.approx(1, abs=1e-3)


@pytest.mark.slow
def test_torchvision_itself_reads_the_folder(tmp_path):
    mnist.restore(tmp_path)
    assert len(datasets.MNIST(tmp_path, train=True, download=False)) == 60_000


def intact(root):
    raw = root / "MNIST" / "raw"
    return all(mnist.is_intact(raw / name) for name in mnist.SHA256)


def tear(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_one_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def swap_with_the_labels(path):
    path.write_bytes(path.with_name("t10k-labels-idx1-ubyte").read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage", [tear, flip_one_bit, swap_with_the_labels, lambda path: path.unlink()]
)
def test_a_damaged_file_is_found_and_restored(tmp_path, monkeypatch, damage):
    smaller = {name: sha for name, sha in mnist.SHA256.items() if "t10k" in name}
    monkeypatch.setattr(mnist, "SHA256", smaller)
    mnist.restore(tmp_path)
    raw = tmp_path / "MNIST" / "raw"
    damage(raw / "t10k-images-idx3-ubyte")
    (raw / ".t10k-images-idx3-ubyte.0a1b2c3d").write_bytes(b"left by a kill")
    assert not intact(tmp_path)
    mnist.restore(tmp_path)
    assert intact(tmp_path)
    left = {path.name for path in raw.iterdir()}
    assert left == {".lock", *smaller}  # nothing else


@pytest.mark.full
@pytest.mark.slow
def test_several_processes_may_start_at_once(tmp_path):
    call = "import sys, pathlib; from torchbasics.data import mnist; "
    call += "mnist.restore(pathlib.Path(sys.argv[1]))"
    processes = [
        subprocess.Popen([sys.executable, "-c", call, str(tmp_path)]) for _ in range(3)
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert intact(tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot write MNIST to .*--data-dir"):
        mnist.restore(tmp_path / "file")


def test_an_old_torchvision_folder_is_refused(tmp_path):
    (tmp_path / "MNIST" / "processed").mkdir(parents=True)
    with pytest.raises(UserError, match="old torchvision"):
        mnist.restore(tmp_path)


def test_the_default_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHBASICS_DATA", str(tmp_path))
    assert mnist.default_folder() == tmp_path
    monkeypatch.delenv("TORCHBASICS_DATA")
    assert mnist.default_folder().name == "torchbasics"


COPIES = mnist.PACKED


class Mirror(BaseHTTPRequestHandler):
    """A mirror that fails in the way its path asks for."""

    def do_GET(self):
        _, way, name = self.path.split("/")
        content = (COPIES / name).read_bytes()
        if way == "stalls":
            time.sleep(1)
        self.send_response(403 if way == "forbids" else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if way == "alters":
            content = gzip.compress(b"not the labels")
        self.wfile.write(content[: 1000 if way == "cuts" else None])

    def log_message(self, *args):
        pass


@pytest.fixture
def mirror(monkeypatch, tmp_path):
    """The package without its copies, and a server on the loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    server.handle_error = lambda *args: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(mnist, "PACKED", tmp_path)
    monkeypatch.setattr(mnist, "TIMEOUT", 0.5)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.slow
@pytest.mark.parametrize("way", ["stalls", "forbids", "cuts", "alters"])
def test_the_next_mirror_is_asked_when_one_fails(mirror, monkeypatch, tmp_path, way):
    mirrors = [f"{mirror}/{way}/", f"{mirror}/works/"]
    monkeypatch.setattr(datasets.MNIST, "mirrors", mirrors)
    name = "t10k-labels-idx1-ubyte"
    content = mnist.fetched(name, tmp_path)
    assert hashlib.sha256(content).hexdigest() == mnist.SHA256[name]


@pytest.mark.slow
def test_when_all_mirrors_fail_one_is_told_what_to_do(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{mirror}/forbids/"])
    with pytest.raises(UserError, match=r"no mirror gave it: .*403.* by hand"):
        mnist.restore(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "copy",
    [b"", gzip.compress(b"other")[:-4], b"other"],
    ids=["empty", "cut short", "no gzip"],  # gzip writes the time: workers must agree
)
def test_a_broken_copy_in_the_package_is_not_used(mirror, monkeypatch, tmp_path, copy):
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{mirror}/works/"])
    name = "t10k-labels-idx1-ubyte"
    (tmp_path / f"{name}.gz").write_bytes(copy)
    content = mnist.fetched(name, tmp_path)
    assert hashlib.sha256(content).hexdigest() == mnist.SHA256[name]


def test_the_packages_own_copy_needs_no_network(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.MNIST, "mirrors", [])
    name = "t10k-labels-idx1-ubyte"
    content = mnist.fetched(name, tmp_path)
    assert hashlib.sha256(content).hexdigest() == mnist.SHA256[name]
