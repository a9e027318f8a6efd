"""Bytes that anybody may have written, given to each reader of files, by hand.

    python tests/fuzz.py checkpoint --seconds 300

A reader takes them or refuses them with a UserError: nothing else, in less than 5
seconds, with less than 300 MB. With atheris (`pip install atheris`; no dependency of
ours) coverage guides what is tried; without it, files of a real run are altered at
random. What fails is left in the folder that is named at the end.
"""

import argparse
import importlib.util
import io
import json
import os
import random
import resource
import sys
import tempfile
import time
from contextlib import nullcontext, redirect_stdout
from pathlib import Path

import torch
from PIL import Image

if importlib.util.find_spec("atheris"):
    import atheris

    watched = atheris.instrument_imports(include=["torchbasics"])
else:
    atheris, watched = None, nullcontext()
with watched:
    from textbook_pickles import pickled, some_weights

    from torchbasics.command import manifest, settings
    from torchbasics.command.errors import UserError
    from torchbasics.data.image_files import read_image
    from torchbasics.mnist import __main__ as program
    from torchbasics.mnist import textbook_weights
    from torchbasics.mnist.config import Config
    from torchbasics.mnist.training import checkpoint, metrics, series

RUN = [
    *("--max-steps", "2", "--batch-size", "10", "--threads", "1", "--quiet"),
    *("--data.validation", "59000", "--model.hidden", "2"),
]
MOST_SECONDS, MOST_MEGABYTES = 5, 300


def sealed(path, content):
    """A checkpoint of these metadata, with the digest that is theirs."""
    try:
        metadata = json.loads(content)
        path.write_bytes(
            checkpoint.serialized(checkpoint.Checkpoint({"a": torch.ones(2)}, metadata))
        )
    except (ValueError, RecursionError):
        return
    checkpoint.read(path)


def plain(read, name):
    """A reader of the file of that name."""

    def take(folder, content):
        (folder / name).write_bytes(content)
        read(folder / name)

    return take


READERS = {
    "checkpoint": plain(checkpoint.read, "step-00000002.safetensors"),
    "metadata": lambda folder, content: sealed(folder / "sealed", content),
    "manifest": plain(
        lambda path: manifest.read_manifest(path.parent), "manifest.json"
    ),
    "config": plain(lambda path: settings.read_config(Config, path), "config.toml"),
    "metrics": plain(metrics.read, "metrics.jsonl"),
    "result": plain(lambda path: series.check_result(path.parent), "result.json"),
    "textbook": plain(textbook_weights.read_pickle, "sample_weight.pkl"),
    "picture": plain(read_image, "seven.png"),
}


def examples(reader, scratch):
    """Files that this reader takes, from a run."""
    if reader == "textbook":
        return [pickled(some_weights(), protocol) for protocol in (3, 4)]
    if reader == "picture":
        return [pictured(kind) for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP")]
    with redirect_stdout(io.StringIO()):
        assert program.main([*RUN, "--runs-dir", str(scratch)]) == 0
    (run,) = scratch.glob("mnist/[!.]*")
    (last,) = run.glob("checkpoints/step-*")
    facts = json.dumps(checkpoint.read(last).metadata).encode()
    by_seed = {"error": {"0": 1.5}, "seconds": {"0": None}, "misclassified": {"0": [3]}}
    means = {"mean": 1.5, "sd": None, "committee": 1.0}
    about = {"config": "a", "settings": {}, "platform": "b", "versions": {"torch": "2"}}
    result = json.dumps(about | by_seed | means).encode()
    files = {"checkpoint": last, "metrics": run / "metrics.jsonl"}
    files |= {"manifest": run / "manifest.json", "config": run / "config.toml"}
    known = {"metadata": facts, "result": result}
    return [known[reader] if reader in known else files[reader].read_bytes()]


def pictured(kind):
    """A small picture in a file of that kind."""
    content = io.BytesIO()
    Image.linear_gradient("L").resize((16, 16)).save(content, kind)
    return content.getvalue()


def altered(content, chance):
    """Some bytes otherwise, missing, doubled or from elsewhere in it."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        a, b = sorted(chance.randint(0, len(changed)) for _ in range(2))
        b = min(b, a + chance.choice((1, 4, 64, 4096)))
        piece = bytes(changed[a:b])
        changed[a:b] = chance.choice(
            (
                b"",
                2 * piece,
                chance.randbytes(b - a),
                b"9" * 300,
                b"[" * 2000,
                b"-1",
                b"1e999",
            )
        )
    return bytes(changed)


class Trial:
    """Gives inputs to a reader, counts them, and keeps those that it fails at."""

    def __init__(self, take, folder, kept):
        self.take, self.folder, self.kept = take, folder, kept
        self.number = self.refused = self.failed = 0
        self.slowest, self.before = 0.0, megabytes()

    def __call__(self, content):
        """Try one input."""
        self.number += 1
        for path in self.folder.iterdir():
            path.unlink()
        started = time.perf_counter()
        try:
            self.take(self.folder, content)
        except UserError:
            self.refused += 1
        except Exception as error:
            self.fail(content, repr(error))
        seconds = time.perf_counter() - started
        self.slowest = max(self.slowest, seconds)
        if seconds > MOST_SECONDS:
            self.fail(content, f"{seconds:.1f} s")

    def fail(self, content, why):
        """Keep an input."""
        self.failed += 1
        (self.kept / f"{self.failed}").write_bytes(content)
        print(f"{self.kept}/{self.failed}: {why}", flush=True)

    def report(self, reader):
        """Say what came of it; 1 if anything failed."""
        grown = megabytes() - self.before
        print(
            f"{reader}: {self.number:,} inputs, {self.refused:,} refused, "
            f"{self.failed} failed, slowest {self.slowest:.2f} s, {grown:.0f} MB more; "
            f"{'guided by coverage' if atheris else 'at random'}; {self.kept}",
            flush=True,
        )
        return int(self.failed > 0 or grown > MOST_MEGABYTES)


def megabytes():
    """The most memory this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    """Try one reader for so many seconds; 1 if it failed at anything."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    kept = Path(tempfile.mkdtemp(prefix=f"fuzz-{asked.reader}-"))
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as scratch:
        found = examples(asked.reader, Path(scratch, "runs"))
        (folder := Path(scratch, "tried")).mkdir()
        trial = Trial(READERS[asked.reader], folder, kept)
        for content in found:
            trial(content)
        assert not trial.refused, "what a run writes is read"
        if atheris:
            return guided(trial, found, asked, Path(scratch, "corpus"))
        deadline, chance = time.monotonic() + asked.seconds, random.Random(asked.seed)
        while time.monotonic() < deadline:
            trial(altered(chance.choice(found), chance))
        return trial.report(asked.reader)


def guided(trial, found, asked, corpus):
    """Try for as long as asked, guided by coverage, in a process of its own."""
    child = os.fork()  # libFuzzer ends its process
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    deadline, trial.before = time.monotonic() + asked.seconds, megabytes()
    corpus.mkdir()
    for number, content in enumerate(found):
        (corpus / str(number)).write_bytes(content)

    def one(content):
        if time.monotonic() > deadline:
            os._exit(trial.report(asked.reader))
        trial(content)

    words = [f"-seed={asked.seed}", "-max_len=65536", "-verbosity=0", str(corpus)]
    atheris.Setup([sys.argv[0], *words], one)
    atheris.Fuzz()
    return None


if __name__ == "__main__":
    sys.exit(main())
