"""How long the playground's page takes to answer a movement of the pen.

    python tests/benchmarks/playground.py [--rounds 5]

Milliseconds from a pointer event's handler to its last draw call, in headless Chromium,
for the lesson's network and for 784-1024-1024-10: a round's is the median of 200
movements; of the rounds the median and the least, and which steps take it.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from torchbasics import data
from torchbasics.command.page import page
from torchbasics.mnist import network, playground
from torchbasics.mnist.config import Config
from torchbasics.mnist.subjects import Subject

STEPS = "prepare inkOf isInkLight closed strokesOf asMnist forward"
MOVE = """(steps) => {
    const sheet = document.getElementById("sheet"), box = sheet.getBoundingClientRect();
    const send = (name, x, y) => sheet.dispatchEvent(new PointerEvent(name, {
        pointerId: 1, isPrimary: true,
        clientX: box.left + x * box.width, clientY: box.top + y * box.height,
    }));
    const spent = {}, times = [];
    for (const name of steps) {
        const step = window[name];
        spent[name] = 0;
        window[name] = (...given) => {
            const start = performance.now(), made = step(...given);
            spent[name] += (performance.now() - start) / 200;
            return made;
        };
    }
    sheet.setPointerCapture = () => {};
    sheet.hasPointerCapture = () => true;
    send("pointerdown", 0.5, 0.2);
    for (let i = 0; i < 200; i++) {
        const start = performance.now(), turn = 2 * Math.PI * i / 100;
        send("pointermove", 0.5 + 0.2 * Math.sin(turn), 0.5 - 0.3 * Math.cos(turn));
        times.push(performance.now() - start);
    }
    send("pointerup", 0.5, 0.2);
    document.getElementById("clear").click();
    return [times.sort((a, b) => a - b)[100], spent];
}"""


def main() -> None:
    """Print a line for each network, and one for its steps."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as browsers:
        chromium = browsers.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for hidden in ((50, 100), (1024, 1024)):
            config = Config(model={"hidden": hidden})
            built = network.Network(network.build(config).eval(), config)
            shown = playground.playground(
                [Subject("some", None, built, 0)], data.load("test")
            )
            path = Path(folder, "page.html")
            path.write_bytes(page(playground.FORM, "some", shown))
            tab = chromium.new_page()
            tab.goto(path.as_uri())
            tab.evaluate(MOVE, [])  # until the browser has compiled it
            medians = [tab.evaluate(MOVE, [])[0] for _ in range(rounds)]
            print(
                f"{network.architecture(config)}: {statistics.median(medians):.1f} ms, "
                f"at least {min(medians):.1f} ms"
            )
            _, spent = tab.evaluate(MOVE, STEPS.split())
            print("  " + ", ".join(f"{name} {ms:.2f}" for name, ms in spent.items()))
        chromium.close()


if __name__ == "__main__":
    main()
