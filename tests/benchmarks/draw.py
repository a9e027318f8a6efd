"""One picture of what the benchmarks measured: time, throughput, share of the peak.

cd tests/benchmarks
python race.py --json results/race.json
python throughput.py --json results/throughput.json
python flops.py --json results/flops.json
python draw.py
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

RESULTS = Path(__file__).with_name("results")
OURS, OTHERS = "#c8553d", "#9fb1bc"


def read(name: str) -> Any:
    """The numbers of a benchmark."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def bars(axes: Axes, values: dict[str, float], form: str) -> None:
    """A bar for each name, ours in a colour of its own, each with its number."""
    names = list(values)
    colors = [OURS if name.startswith("ours") else OTHERS for name in names]
    drawn = axes.barh(names, list(values.values()), color=colors)
    axes.bar_label(drawn, [form.format(value) for value in values.values()], padding=3)
    axes.set_xlim(0, 1.18 * max(values.values()))
    axes.invert_yaxis()
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.set_xticks([])
    axes.tick_params(left=False)


def race(axes: Axes) -> None:
    """Whole processes, the shortest first; below 98 %, with what was reached."""
    medians = {}
    for name, rounds in read("race").items():
        lowest = min(accuracy for _, accuracy in rounds)
        label = name if lowest >= 98 else f"{name} ({lowest:.1f} %)"
        medians[label] = statistics.median(seconds for seconds, _ in rounds)
    ordered = dict(sorted(medians.items(), key=lambda pair: pair[1]))
    bars(axes, ordered, "{:.1f} s")
    axes.set_title("whole process, to 98 % of the test set")


def throughput(axes: Axes, network: str, batch_size: int) -> None:
    """Images a second of one network and batch size, the most first."""
    rates = {
        row["loop"]: row["images_per_s"]
        for row in read("throughput")
        if (row["network"], row["batch_size"]) == (network, batch_size)
    }
    ordered = dict(sorted(rates.items(), key=lambda pair: -pair[1]))
    bars(axes, ordered, "{:,.0f}")
    axes.set_title(f"images/s, {network}, batch {batch_size}")


def share_of_peak(axes: Axes) -> None:
    """What a step reaches of a square product's speed, over the width of its layers."""
    rows = read("flops")
    wide = [
        row for row in rows
        if row["batch_size"] == 1024 and len(row["hidden"]) == 2
    ]  # fmt: skip
    shares = {row["hidden"][0]: row["flop_per_s"] / row["peak"] for row in wide}
    deep = next(row for row in rows if row["hidden"][0] == 2500)
    shown = [100 * share for share in shares.values()]
    axes.plot(list(shares), shown, "o-", color=OURS, label="two layers of that width")
    level = 100 * deep["flop_per_s"] / deep["peak"]
    axes.axhline(level, color=OTHERS, linestyle="--", label="2500-2000-1500-1000-500")
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(shares), [str(width) for width in shares])
    axes.set_ylim(0, 100)
    axes.set_xlabel("units in a layer, batch 1024")
    axes.set_title(f"% of {rows[0]['peak'] / 1e9:,.0f} GFLOP/s, the matrix peak")
    axes.legend(loc="lower right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Draw the picture."""
    figure, axes = plt.subplots(2, 2, figsize=(12, 8), layout="constrained")
    race(axes[0, 0])
    share_of_peak(axes[0, 1])
    throughput(axes[1, 0], "784-50-100-10", 64)
    throughput(axes[1, 1], "784-512-512-10", 512)
    figure.savefig(RESULTS / "speed.png", dpi=110)


if __name__ == "__main__":
    main()
