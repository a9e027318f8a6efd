"""Each operation of a process on the files of a folder, found by hooking, can kill it.

Whatever opens, writes, flushes, renames, removes or makes a file through Python passes
here, so that what is written in a new place is covered by itself.
"""

import builtins
import io
import json
import os
import re
import signal
import sys
from collections import Counter
from pathlib import Path

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
AUDITED = {
    "os.rename": ("rename", 2),
    "os.remove": ("unlink", 1),
    "os.rmdir": ("rmdir", 1),
    "os.mkdir": ("mkdir", 1),
    "os.truncate": ("truncate", 1),
    "fcntl.flock": ("lock", 1),
}
GENERAL = [
    (r"\.([\w.-]+?)\.[0-9a-f]{8}(?=/|$)", r".\1.PART"),
    (r"step-\d+", "step-N"),
    (r"events\.out\.tfevents\.0000000000\.first", "events-first"),
    (r"events\.out\.tfevents[\w.-]*", "events"),
    (r"[\w-]+-s(\d+)-\d{8}T\d{6}Z(-\d+)?", r"run"),
    (r"\w+-\d{8}T\d{6}Z(-\d+)?", "series"),
    (r"\w+-s\d+\.PART", "run.PART"),
]


def general(path):
    """A path without what differs from run to run."""
    for pattern, name in GENERAL:
        path = re.sub(pattern, name, path)
    return path


class Watch:
    """Counts the operations below a folder; at the one that is `deadly` it kills.

    `deadly` is such an operation and its how-manieth. `report` gets the counts.
    """

    def __init__(self, folder, report, deadly=None):
        self.folder, self.report = os.fspath(folder) + "/", report
        self.deadly = tuple(deadly) if deadly else None
        self.counts = Counter()

    def install(self):
        """From now on, to the end of the process."""
        self.open, self.fsync, self.write = open, os.fsync, os.write
        builtins.open = io.open = self.open_watched
        os.fsync, os.write = self.fsync_watched, self.write_watched
        sys.addaudithook(self.audit)

    def step(self, operation, file, before_it_dies=lambda: None):
        """Called before each operation; `before_it_dies` does a part of it."""
        path = self.path(file)
        if not path.startswith(self.folder):
            return
        operation = f"{operation} {general(path.removeprefix(self.folder))}"
        self.counts[operation] += 1
        if (operation, self.counts[operation]) == self.deadly:
            before_it_dies()
            self.tell()
            os.kill(os.getpid(), signal.SIGKILL)

    def tell(self):
        """Leave the counts in the report."""
        with self.open(self.report, "w") as file:
            json.dump(self.counts, file)

    def path(self, file):
        """The path of a file that is named, open, or known by its number."""
        if isinstance(file, int):
            try:
                return os.readlink(f"/proc/self/fd/{file}")
            except OSError:
                return ""
        return os.path.abspath(os.fsdecode(file))  # noqa: PTH100 - follows no link

    def audit(self, event, arguments):
        """What Python itself tells of."""
        if event == "open" and arguments[2] & WRITING:
            self.step("open", arguments[0])
        elif event in AUDITED:
            operation, number = AUDITED[event]
            self.step(operation, arguments[number - 1])

    def fsync_watched(self, descriptor):
        self.step("fsync", descriptor)
        self.fsync(descriptor)

    def write_watched(self, descriptor, content):
        self.step("write", descriptor)
        return self.write(descriptor, content)

    def open_watched(
        self, file, mode="r", buffering=-1, encoding=None, errors=None, newline=None,
        closefd=True, opener=None,
    ):  # fmt: skip
        """As `open`; what is written passes `step`, at its start and in its middle."""
        words = (mode, buffering, encoding, errors, newline, closefd, opener)
        path = self.path(file)
        if not set(mode) & set("wax+") or not path.startswith(self.folder):
            return self.open(file, *words)
        watch = self

        class File(io.FileIO):
            def write(self, content):
                whole = super().write
                watch.step("write", path)
                half = memoryview(content)[: len(content) // 2]
                watch.step("tear", path, lambda: whole(half))
                return whole(content)

        raw = File(file, mode.replace("b", "").replace("t", ""), closefd, opener)
        buffered = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw)
        if "b" in mode:
            return buffered
        return io.TextIOWrapper(buffered, encoding, errors, newline)


def names_below(folder):
    """The files and folders below a folder, in general, and how often each is there.

    A run may have been written by any number of processes, each with a file of events.
    """
    names = (p.relative_to(folder).as_posix() for p in Path(folder).rglob("*"))
    counts = Counter(general(name).replace("events-first", "events") for name in names)
    return {name: 1 if "events" in name else n for name, n in counts.items()}
