"""Kill, disturb and damage real trainings for as long as asked; nothing may be lost.

    python tests/campaign.py --minutes 60 --seed 0

A training is killed with SIGKILL at each operation on its files (`boundaries.py` finds
them), often again while it resumes; it gets signals, a full disk, a folder that is
read-only, taken away or replaced, a second owner, a clock that is set back, files with
altered bytes. Then it is resumed to its end and compared with one that nothing
happened to: the last checkpoint, the best, metrics, events, manifest, and that nothing
else lies about and nobody goes on alone.

Each trial is a line of the record, by default /tmp/campaign-SEED.jsonl: begun again,
the campaign goes on there. `--repeat LINE` does one again, given its line. The
processes are forked from this one, which has imported everything.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.utils.tensorboard
from boundaries import Watch, general, names_below
from helpers import events_of, learned, train_on
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event

from torchbasics import data
from torchbasics.command import runs
from torchbasics.data import ImageDataset, mnist
from torchbasics.mnist import __main__ as program
from torchbasics.mnist import seeds
from torchbasics.mnist.training.checkpoint import CheckpointManager
from torchbasics.mnist.training.setup import Splits

RUN = [
    *("--epochs", "3", "--batch-size", "60", "--threads", "1", "--quiet"),
    *("--data.validation", "100", "--optim.lr", "0.05", "--optim.ema", "0.8"),
    *("--model.hidden", "12", "--model.batch-norm", "--model.dropout", "0.1"),
    *("--seed", "16"),  # of whose three epochs the second is the best
]
SERIES = [
    *("--quiet", "--threads", "1", "--data.validation", "59000", "--epochs", "2"),
    *("--model.hidden", "4", "--monitor.no-tensorboard"),
]
STOPPED = {0, 130, 143, 129, -signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP}
FAILED = {0, 1, 2}  # done all the same, training failed, could not begin
PATIENCE = 180  # seconds for a process of a fraction of one, on a busy machine
NOBODY = 65534


class Scene:
    """The folder of one trial, and the processes in it."""

    def __init__(self, folder):
        self.folder, self.runs = folder, folder / "runs"
        self.log, self.report = folder / "log", folder / "report"
        self.told = 0
        self.runs.mkdir(parents=True)

    def command(self):
        """Start a run, or go on with the one that is there."""
        where = ["--runs-dir", str(self.runs)]
        begun = any(self.runs.glob("mnist/[!.]*/manifest.json"))
        return ["--resume", "latest", *where] if begun else [*RUN, *where]

    def start(self, argv=None, deadly=None, before=lambda: None, main=program.main):
        """Begin a process that runs a command; its number."""
        argv = argv or self.command()
        child = os.fork()
        if child == 0:
            output = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            os.dup2(output, 1)
            os.dup2(output, 2)
            try:
                before()
                watch = Watch(self.runs, self.report, deadly)
                watch.install()
                status = main(argv)
                with contextlib.suppress(OSError):  # a full disk, or no right
                    watch.tell()
            except BaseException:
                traceback.print_exc()
                status = 70
            os._exit(status)
        return child

    def run(self, *words, **options):
        """A process from its beginning to its end; its status."""
        return ended(self.start(*words, **options))

    def counts(self):
        """How often the last process did what to its files."""
        try:
            return json.loads(self.report.read_text())
        except FileNotFoundError:
            return {}

    def run_folder(self):
        """The one run there is, where there is one."""
        found = [*self.runs.glob("mnist/[!.]*/manifest.json")]
        return found[0].parent if found else None

    def said(self):
        """What was printed since this was last asked."""
        text = self.log.read_text(errors="replace")[self.told :]
        self.told += len(text)
        return text


def ended(child, patience=PATIENCE):
    """The status of a process, -1000 if it hangs."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -1000


EVERYTHING = (
    "last", "best", "figures", "config", "metrics", "curves", "events", "settings",
    "files",
)  # fmt: skip
LEARNED = ("last", "best", "figures", "config")


def outcome(scene, parts=EVERYTHING):
    """What of a finished run must be as in one that nothing happened to."""
    run = scene.run_folder()
    readers = {
        "last": CheckpointManager(run).paths()[-1].read_bytes,
        "best": (run / "checkpoints" / "best.safetensors").read_bytes,
        "figures": lambda: runs.read_manifest(run)["figures"],
        "config": lambda: (
            (run / "config.toml").read_text().replace(f"{scene.runs}", "")
        ),
        "metrics": lambda: learned(run),
        "curves": lambda: curves_in(run),
        "events": lambda: shown_in(run),
        "settings": lambda: events_in(run / "hparams"),
        "files": lambda: names_below(scene.runs),
    }
    return {part: readers[part]() for part in parts}


def curves_in(folder):
    """The points of each curve in a folder's events, but for those of a clock."""
    events = events_of(folder)
    return {
        tag: [(point.step, point.value) for point in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
        if "time" not in tag
    }


def shown_in(folder):
    """Each histogram and picture that TensorBoard shows: its tag, step and content."""
    events = events_of(folder)
    return [
        (tag, point.step, str(vars(point) | {"wall_time": 0}))
        for read in (events.Histograms, events.Images)
        for tag in events.Tags()[read.__name__.lower()]
        for point in read(tag)
    ]


def events_in(folder):
    """Each value in the event files of a folder: its tag, step and content."""
    values = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for record in RawEventFileLoader(str(path)).Load():
            event = Event.FromString(record)
            for value in event.summary.value:
                content = b"" if "time" in value.tag else value.SerializeToString()
                values.append((value.tag, event.step, content))
    return sorted(values)


def differences(scene, wanted, parts):
    """The parts of an outcome that are not as wanted, in words."""
    try:
        found = outcome(scene, parts)
    except Exception:
        return [f"no outcome: {traceback.format_exc()}"]
    bad = [part for part in parts if found[part] != wanted[part]]
    words = [f"{part} differs" for part in bad if part != "files"]
    if "files" in bad:
        words.append(
            f"files {set(found['files'].items()) ^ set(wanted['files'].items())}"
        )
    return words


def complain(scene, status, allowed, what):
    """What is wrong with how a process ended."""
    said = scene.said()
    problems = []
    if status not in allowed:
        problems.append(f"{what}: status {status}: {said[-2000:]}")
    if "Traceback" in said:
        problems.append(f"{what}: {said[-2000:]}")
    return problems


def to_the_end(scene, wanted, parts=EVERYTHING):
    """Resume to the end, and once more now and then; what is lost."""
    problems = complain(scene, scene.run(), {0}, "the end")
    return problems + differences(scene, wanted, parts)


# Each kind of trial: scene, chance, plan (what is to be repeated, or nothing yet),
# record and the wanted outcome -> problems. The plan is completed as it is carried out.


def kill(scene, chance, plan, record, wanted):
    """Kills at operations on files, of the start, of a resume, of the next."""
    more = chance.randint(1, 5) if chance.random() < 0.7 else 0
    plan.setdefault("kills", [None] * (1 + more))
    clock = plan.get("clock", 0)
    for number, told in enumerate(plan["kills"]):
        phase = "resume" if scene.run_folder() else "start"
        deadly = told or record.least_killed(phase, chance, first=number == 0)
        plan["kills"][number] = deadly
        status = scene.run(
            deadly=deadly, before=partial(set_clock, clock if phase == "resume" else 0)
        )
        record.see(phase, scene.counts())
        if status == -signal.SIGKILL:
            record.killed.append(f"{phase}: {deadly[0]}")
        elif problems := complain(scene, status, {0}, f"not killed {deadly}"):
            return problems
    problems = complain(scene, 0, {0}, "killed")
    phase = "resume" if scene.run_folder() else "start"
    status = scene.run(before=lambda: set_clock(clock))
    problems += complain(scene, status, {0}, "the end")
    record.see(phase, scene.counts())
    return problems + differences(scene, wanted, EVERYTHING)


def set_clock(seconds):
    """Set this process's clock; what else could does not run here."""
    now = time.time
    if seconds:
        time.time = lambda: now() + seconds


def clock(scene, chance, plan, record, wanted):
    """The same, with a clock that is set back a day for whoever resumes."""
    plan.setdefault("clock", -86_400)
    return kill(scene, chance, plan, record, wanted)


def signals(scene, chance, plan, record, wanted):
    """SIGINT, SIGTERM and SIGHUP, singly and in pairs, once or more often."""
    plan.setdefault("sent", [
        [
            chance.uniform(0, 1.2 * record.seconds),
            *(chance.choice((1, 2, 15)) for _ in range(chance.randint(1, 2))),
        ]
        for _ in range(chance.randint(1, 2))
    ])  # fmt: skip
    problems = []
    for after, *numbers in plan["sent"]:
        child = scene.start()
        time.sleep(after)
        for number in numbers:
            os.kill(child, number)
            time.sleep(0.05)
        status = ended(child)
        problems += complain(scene, status, STOPPED, f"{numbers} after {after:.2f} s")
    return problems + to_the_end(scene, wanted)


def full_disk(scene, chance, plan, record, wanted):
    """No file may have more than so many bytes: what is written is cut off."""
    largest = 1.1 * len(wanted["last"])
    size = plan.setdefault("bytes", int(2500 + largest * chance.random() ** 2))

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    problems = complain(scene, scene.run(before=limit), FAILED, "a full disk")
    return problems + to_the_end(scene, wanted, LEARNED)


def small_disk(scene, chance, plan, record, wanted):
    """A real file system that is full, then grows."""
    size = plan.setdefault("kilobytes", chance.randint(16, 600))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "campaign", str(scene.runs)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        plan["skipped"] = "no right to mount"
        return []
    try:
        problems = complain(scene, scene.run(), FAILED, "a full disk")
        grown = ["mount", "-o", "remount,size=64m", str(scene.runs)]
        subprocess.run(grown, check=True)
        return problems + to_the_end(scene, wanted, LEARNED)
    finally:
        subprocess.run(["umount", str(scene.runs)], check=True)


def read_only(scene, chance, plan, record, wanted):
    """The run's folder allows no writing from some moment on, then again."""
    after = plan.setdefault("after", chance.uniform(0, record.seconds))
    for path in (scene.folder, scene.runs):
        path.chmod(0o777)
    before = (lambda: os.setuid(NOBODY)) if os.getuid() == 0 else (lambda: None)
    scene.log.touch(0o666)
    scene.log.chmod(0o666)
    child = scene.start(before=before)
    time.sleep(after)
    run = scene.run_folder()
    places = [run, run / "checkpoints"] if run else [scene.runs]
    change(places, 0o555)
    problems = complain(scene, ended(child), FAILED, "read-only")
    change(places, 0o777)
    return problems + to_the_end(scene, wanted, LEARNED)


def change(places, mode):
    """Set who may write there."""
    for place in places:
        if place.exists():
            place.chmod(mode)


def removed(scene, chance, plan, record, wanted):
    """The run's folder is taken away, perhaps replaced, and brought back in the end."""
    after = plan.setdefault("after", chance.uniform(0.2, 1) * record.seconds)
    replaced = plan.setdefault("replaced", chance.random() < 0.5)
    child = scene.start()
    time.sleep(after)
    run, away = scene.run_folder(), scene.folder / "away"
    if run is None:
        return complain(scene, ended(child), {0}, "not there") + to_the_end(
            scene, wanted
        )
    run.rename(away)
    if replaced:
        run.mkdir()
    status = ended(child)
    said = scene.log.read_text()
    problems = complain(scene, status, FAILED, "removed")
    if status in {0, 1} and f"\n{record.result}" not in f"\n{said}":
        problems.append(f"no result of a run that was removed: {said[-500:]}")
    if status == 0 and "figures" not in runs.read_manifest(away):
        problems.append("status 0, and the figures are missing")
    if not replaced and run.exists():
        problems.append(f"made again: {list(run.iterdir())}")
    shutil.rmtree(run, ignore_errors=True)
    away.rename(run)
    return problems + to_the_end(scene, wanted)


def owners(scene, chance, plan, record, wanted):
    """A second process wants the same run."""
    after = plan.setdefault("after", chance.uniform(0, record.seconds))
    child = scene.start()
    time.sleep(after)
    if scene.run_folder() is None:
        return complain(scene, ended(child), {0}, "alone") + to_the_end(scene, wanted)
    second = scene.run()
    problems = complain(scene, ended(child), {0}, "the first of two owners")
    if second not in {0, 2}:
        problems.append(f"the second of two owners: status {second}")
    return problems + to_the_end(scene, wanted)


def together(scene, chance, plan, record, wanted):
    """Two runs start at once, one is killed at some operation: each has its folder."""
    deadly = plan.setdefault("deadly", record.least_killed("start", chance))
    child = scene.start([*RUN, "--runs-dir", str(scene.runs)], deadly=deadly)
    second = Scene(scene.folder / "second")
    second.runs.rmdir()
    second.runs.symlink_to(scene.runs, target_is_directory=True)
    status = second.run([*RUN, "--runs-dir", str(scene.runs)])
    problems = complain(second, status, {0}, "the other")
    if ended(child) == -signal.SIGKILL:
        record.killed.append(f"start: {deadly[0]}")
    for run in scene.runs.glob("mnist/[!.]*"):
        status = scene.run(["--resume", str(run)])
        problems += complain(scene, status, {0}, "each")
        last = CheckpointManager(run).paths()[-1].read_bytes()
        if last != wanted["last"]:
            problems.append("last differs")
    return problems


def damage(scene, chance, plan, record, wanted):
    """A run is killed, and a file of it altered: it ends equal, or is refused."""
    plan.setdefault("kills", [record.least_killed("start", chance)])
    status = scene.run(deadly=plan["kills"][0])
    record.killed += [f"start: {plan['kills'][0][0]}"] * (status == -signal.SIGKILL)
    run = scene.run_folder()
    if run is None:
        return to_the_end(scene, wanted)
    files = sorted(path for path in run.rglob("*") if path.is_file())
    names = sorted(general(path.relative_to(run).as_posix()) for path in files)
    number = plan.setdefault("file", chance.randrange(len(files)))
    how = plan.setdefault("how", [chance.choice([*ALTER]), chance.random()])
    path = files[number % len(files)]
    plan["name"] = name = names[number % len(files)]
    path.write_bytes(ALTER[how[0]](path.read_bytes(), random.Random(how[1])))
    status = scene.run()
    problems = complain(scene, status, {0, 2}, f"{how[0]} {name}")
    if status == 0 and "config" not in name:
        parts = ("last", "figures") if "best" in name else ("last", "best", "figures")
        problems += differences(scene, wanted, parts)
    return problems


def flipped(content, chance):
    """One bit is another."""
    altered = bytearray(content or b"\0")
    altered[chance.randrange(len(altered))] ^= 1 << chance.randrange(8)
    return bytes(altered)


def spliced(content, chance):
    """A piece of it stands somewhere else in it."""
    a, b, c = sorted(chance.randint(0, len(content)) for _ in range(3))
    return content[:a] + content[b:c] + content[a:b] + content[c:]


ALTER = {
    "flip": flipped,
    "cut": lambda content, chance: content[: chance.randint(0, len(content))],
    "splice": spliced,
    "noise": lambda content, chance: chance.randbytes(len(content)),
    "zeros": lambda content, chance: bytes(len(content)),
    "twice": lambda content, chance: 2 * content,
}


def cache(scene, chance, plan, record, wanted):
    """MNIST is unpacked, killed, unpacked again."""
    root = scene.runs / "cache"

    def restore(argv):
        mnist.restore(root)
        return 0

    for number, told in enumerate(plan.setdefault("kills", [None] * 6)):
        deadly = told or record.least_killed("cache", chance)
        plan["kills"][number] = deadly
        status = scene.run([" "], deadly=deadly, main=restore)
        record.see("cache", scene.counts())
        record.killed += [f"cache: {deadly[0]}"] * (status == -signal.SIGKILL)
        if status == 0:
            shutil.rmtree(root / "MNIST" / "raw")
    problems = complain(scene, scene.run([" "], main=restore), {0}, "unpacked")
    found = {path.name for path in (root / "MNIST" / "raw").iterdir()}
    if found != {".lock", *mnist.SHA256}:
        problems.append(f"cache: {found}")
    return problems


def series(scene, chance, plan, record, wanted):
    """A series of seeds is stopped or killed: no run goes on alone, it ends equal."""
    number, after = plan.setdefault(
        "how", [chance.choice((1, 2, 9, 9, 15)), chance.uniform(0, 25)]
    )
    child = scene.start(series_command(scene, "0", "1"), main=seeds.main)
    time.sleep(after)
    os.kill(child, number)
    allowed = {*STOPPED, -signal.SIGKILL}
    problems = complain(scene, ended(child), allowed, f"series {number}")
    return problems + series_to_the_end(scene, record, "0", "1")


def series_killed(scene, chance, plan, record, wanted):
    """Kills at a series' own operations on files, again and again as it goes on."""
    problems = []
    for number, told in enumerate(plan.setdefault("kills", [None] * 12)):
        command = series_command(scene, "0", "1")
        phase = "series resumed" if "--resume" in command else "series"
        deadly = told or record.least_killed(phase, chance)
        plan["kills"][number] = deadly
        child = scene.start(command, deadly=deadly, main=seeds.main)
        status = ended(child, 300)
        record.see(phase, scene.counts())
        record.killed += [f"{phase}: {deadly[0]}"] * (status == -signal.SIGKILL)
        problems += complain(scene, status, {0, -signal.SIGKILL}, f"series {deadly}")
        problems += alone(scene.folder)
    return problems + series_to_the_end(scene, record, "0", "1")


def series_begun(scene, chance, plan, record, wanted):
    """Kills at the first operations of a series, until one has begun; it goes on."""
    problems = []
    for number, told in enumerate(plan.setdefault("kills", [None] * 6)):
        command = series_command(scene, "0")
        if "--resume" in command:
            break
        deadly = told or record.least_killed("series", chance)
        plan["kills"][number] = deadly
        child = scene.start(command, deadly=deadly, main=seeds.main)
        status = ended(child, 300)
        record.see("series", scene.counts())
        record.killed += [f"series: {deadly[0]}"] * (status == -signal.SIGKILL)
        problems += complain(scene, status, {0, -signal.SIGKILL}, f"series {deadly}")
    return problems + series_to_the_end(scene, record, "0")


def series_command(scene, *of):
    """Start a series of these seeds, or go on with the one that is there."""
    begun = any(scene.runs.glob("seeds/[!.]*/manifest.json"))
    words = ["--resume", "latest"] if begun else [*SERIES, "--seeds", *of]
    return [*words, "--runs-dir", str(scene.runs)]


def series_to_the_end(scene, record, *of):
    """Nobody trains on alone; a series ends as one that nothing happened to."""
    problems = alone(scene.folder)
    child = scene.start(series_command(scene, *of), main=seeds.main)
    if problems := problems + complain(scene, ended(child, 300), {0}, "series"):
        return problems
    (result,) = scene.runs.glob("seeds/[!.]*/result.json")
    found = {k: v for k, v in json.loads(result.read_text()).items() if k != "seconds"}
    if found != record.series(*of):
        problems.append("the result of a series differs")
    hidden = [n for n in names_below(scene.runs) if "PART" in n]
    return problems + [f"left: {hidden}"] * bool(hidden)


def orphans(scene, chance, plan, record, wanted):
    """A series that would take hours is stopped or killed: nobody trains on."""
    number, after = plan.setdefault(
        "how", [chance.choice((1, 2, 9, 9, 15)), chance.uniform(0, 20)]
    )
    words = ["--epochs", "100000", "--processes", "2", "--runs-dir", str(scene.runs)]
    child = scene.start([*SERIES, "--seeds", "0", "1", *words], main=seeds.main)
    time.sleep(after)
    os.kill(child, number)
    allowed = {*STOPPED - {0}, -signal.SIGKILL}
    problems = complain(scene, ended(child), allowed, f"a long series {number}")
    return problems + alone(scene.folder)


def alone(folder, seconds=15):
    """Which processes still work below a folder after so many seconds."""
    deadline = time.monotonic() + seconds
    while (left := working_below(folder)) and time.monotonic() < deadline:
        time.sleep(0.2)
    for number in left:
        os.kill(number, signal.SIGKILL)
    return [f"{len(left)} processes go on alone after {seconds} s"] * bool(left)


def working_below(folder):
    """The processes whose command line names a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if os.fsencode(folder) in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


KINDS = {  # and how often each is tried
    kill: 60, clock: 6, signals: 8, full_disk: 4, small_disk: 4, read_only: 3,
    removed: 3, owners: 2, together: 2, damage: 6, cache: 4, series: 0.8,
    series_killed: 2, series_begun: 20, orphans: 0.5,
}  # fmt: skip
BY_NAME = {kind.__name__: kind for kind in KINDS}


class Record:
    """What was tried and what came of it, in a file that all processes add to."""

    def __init__(self, path):
        self.path, self.position = path, 0
        self.seen = {}  # phase: operation: how often a process did it, at most
        self.kills, self.killed, self.lines = Counter(), [], []
        self.seconds, self.result, self.folder = 1.0, "", None
        path.touch()
        self.update()

    def update(self):
        """Read what was added."""
        with self.path.open() as file:
            file.seek(self.position)
            for line in iter(file.readline, ""):
                trial = json.loads(line)
                self.lines.append(trial)
                self.kills.update(trial["killed"])
                for phase, counts in trial["seen"].items():
                    self.see(phase, counts)
            self.position = file.tell()

    def see(self, phase, counts):
        """Remember what there is to be killed at."""
        known = self.seen.setdefault(phase, {})
        for operation, number in counts.items():
            known[operation] = max(number, known.get(operation, 0))

    def least_killed(self, phase, chance, first=False):
        """An operation at which processes were killed least often so far.

        Of a first kill, which others follow, any; and else now and then, as not every
        operation is there for every process.
        """
        known = self.seen.get(phase) or self.seen["start"]
        operations = sorted(known)
        if chance.random() > (0.5 if first else 0.2):
            kills = self.kills + Counter(self.killed)
            times = {name: kills[f"{phase}: {name}"] for name in operations}
            operations = [n for n in operations if times[n] == min(times.values())]
        operation = chance.choice(operations)
        return [operation, chance.choice((1, chance.randint(1, known[operation])))]

    def add(self, **line):
        """Add a trial."""
        content = json.dumps(line | {"killed": self.killed, "seen": self.seen}) + "\n"
        with self.path.open("a") as file:
            file.write(content)
        self.killed = []

    def series(self, *of):
        """The result of a series that nothing happened to, trained when first asked."""
        kept = self.folder / f"series-{'-'.join(of)}.json"
        if not kept.exists():
            scene = Scene(self.folder / f"series-{'-'.join(of)}-{os.getpid()}")
            argv = series_command(scene, *of)
            assert ended(scene.start(argv, main=seeds.main), 300) == 0, scene.said()
            (result,) = scene.runs.glob("seeds/[!.]*/result.json")
            result.rename(kept)
        return {k: v for k, v in json.loads(kept.read_text()).items() if k != "seconds"}


def trial(number, plan, record, wanted, seed):
    """Carry out a plan, a new one where it is empty, and write down what came of it."""
    chance = random.Random(f"{seed} {number}")
    if not plan:
        kinds = [*BY_NAME]
        plan["kind"] = chance.choices(kinds, [*KINDS.values()])[0]
    scene = Scene(record.folder / str(number))
    started = time.monotonic()
    try:
        problems = BY_NAME[plan["kind"]](scene, chance, plan, record, wanted)
        problems += alone(scene.folder, 1)
    except Exception:
        problems = [traceback.format_exc()]
    seconds = time.monotonic() - started
    record.add(trial=number, plan=plan, problems=problems, seconds=seconds)
    shutil.rmtree(scene.folder, ignore_errors=True)
    for problem in problems:
        print(f"trial {number} {json.dumps(plan)}: {problem}", flush=True)
    return problems


def unbroken(record):
    """The outcome of a run that nothing happened to; how long it took; what it said."""
    scene = Scene(record.folder / "unbroken")
    started = time.monotonic()
    assert scene.run() == 0, scene.said()
    record.seconds = time.monotonic() - started
    record.see("start", scene.counts())
    record.result = scene.said().splitlines()[-1]
    wanted = outcome(scene)
    validation = [line["accuracy/validation"] for line in wanted["metrics"]]
    assert validation[0] < validation[1] > validation[2], "a kill can lose the best"
    told = [value[:2] for value in wanted["events"]]
    assert len(set(told)) == len(told)
    return wanted


def work(worker, asked, record, wanted):
    """Trial after trial, those of one of several workers, until the time is over."""
    limit = 60 * asked.minutes * asked.jobs
    done = [
        line["trial"] for line in record.lines if line["trial"] % asked.jobs == worker
    ]
    number = max(done, default=worker - asked.jobs)
    while sum(line["seconds"] for line in record.lines) < limit:
        number += asked.jobs
        trial(number, {}, record, wanted, asked.seed)
        record.update()


def table(record):
    """Print what was tried, how often, and what was lost."""
    record.update()
    tried = Counter(line["plan"]["kind"] for line in record.lines)
    lost = Counter(line["plan"]["kind"] for line in record.lines if line["problems"])
    skipped = sum("skipped" in line["plan"] for line in record.lines)
    print(f"{'operation at which processes were killed':62} kills")
    for operation, number in sorted(record.kills.items()):
        print(f"{operation:62} {number:5}")
    never = [
        f"{phase}: {operation}"
        for phase, counts in record.seen.items()
        for operation in counts
        if not record.kills[f"{phase}: {operation}"]
    ]
    print(f"never killed at: {', '.join(sorted(never)) or 'none'}")
    print(f"\n{'kind of trial':20} tried  lost")
    for kind in BY_NAME:
        print(f"{kind:20} {tried[kind]:5} {lost[kind]:5}")
    for line in record.lines:
        for problem in line["problems"]:
            plan = json.dumps(line["plan"])
            print(f"trial {line['trial']}: {problem}\n  --repeat '{plan}'")
    seconds = sum(line["seconds"] for line in record.lines)
    print(
        f"\n{len(record.lines)} trials ({skipped} of them skipped), "
        f"{sum(record.kills.values())} kills at {len(record.kills)} operations, each "
        f"{min(record.kills.values(), default=0)} times or more, in {seconds:.0f} s of "
        f"processes; {sum(lost.values())} lost something"
    )
    return sum(lost.values())


def few_digits():
    """Train and test on few, the real ones; unpack the smaller files only.

    A training in this process imports what its children would import each.
    """
    (images, labels), test = data.load("train"), data.load("test")
    few = Splits(
        ImageDataset(images[:700], labels[:700]), None, test.subset(slice(300))
    )
    patch = pytest.MonkeyPatch()
    train_on(few, patch)
    smaller = {name: sha for name, sha in mnist.SHA256.items() if "labels" in name}
    patch.setattr(mnist, "SHA256", smaller)
    said = contextlib.redirect_stdout(io.StringIO())
    with tempfile.TemporaryDirectory() as folder, said:
        assert program.main([*RUN, "--runs-dir", folder]) == 0


def main():
    """Try for as long as asked; 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--repeat", type=json.loads, metavar="LINE")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    few_digits()
    name = f"campaign-{asked.seed}.jsonl"
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # no wait for a disk
    with tempfile.TemporaryDirectory(prefix="campaign-", dir=memory) as scratch:
        record = Record(asked.record or Path(tempfile.gettempdir(), name))
        record.folder = Path(scratch)
        wanted = unbroken(record)
        if asked.repeat:
            record.path = Path(scratch, "repeated")
            plan = asked.repeat.get("plan", asked.repeat)
            problems = trial(0, plan, record, wanted, asked.seed)
            print(f"lost: {len(problems)}")
            return bool(problems)
        workers = []
        for worker in range(asked.jobs):
            workers.append(os.fork())
            if workers[-1] == 0:
                work(worker, asked, record, wanted)
                os._exit(0)
        for child in workers:
            os.waitpid(child, 0)
        return 1 if table(record) else 0


if __name__ == "__main__":
    sys.exit(main())
