"""How the studio keeps up: training beside a page that is hidden or shown, and how fast it answers.

    python -m benchmarks.studio [--seconds 5] [--only wide,small]

A real page in a headless Chromium (found as in tests/browser), on this machine, and so with a share
of the same cores. Two networks: 784-256-10 on a table of 10,000 rows, of which 7,000 are learned
from in batches of 32, and 2-8-8-2 on toy data; both at full speed, in float64, as the page trains.

Shown are the steps a second of the engine alone, behind a hidden page and behind a shown one; the
frames that the session sends and those that the browser paints a second; and how long the page
takes to answer a click on Pause while it trains, from the click to the button's new word.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from clearprop.studio.samples import Samples, toy_samples
from clearprop.studio.setups import Setup
from clearprop.studio.trainer import Trainer
from clearprop.studio.uploads import Upload, table_samples

WIDE = Setup(data="table", target="digit", hidden=((256, "relu"),), loss="cross_entropy",
             learning_rate=0.05, batch_size=32)  # fmt: skip
SMALL = Setup(data="clusters", hidden=((8, "tanh"), (8, "tanh")), loss="cross_entropy")
ROWS = 10_000
CLICKS = 8
CLICK = """async () => {
  const button = document.getElementById("cp-play"), was = button.getAttribute("aria-pressed");
  const began = performance.now();
  button.click();
  while (button.getAttribute("aria-pressed") === was) await new Promise((go) => setTimeout(go, 2));
  return performance.now() - began;
}"""
# frames that come, and those that are painted, in a span of milliseconds
COUNT = """async (span) => {
  let painted = 0, on = true;
  const tick = () => { painted += 1; if (on) requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
  const place = document.querySelector("[data-live=step]");
  const step = () => Number(place.textContent.replace(/,/g, ""));
  let came = 0;
  const watch = new MutationObserver(() => { came += 1; });
  watch.observe(place, { childList: true, characterData: true, subtree: true });
  const began = performance.now(), first = step();
  await new Promise((go) => setTimeout(go, span));
  on = false;
  watch.disconnect();
  const seconds = (performance.now() - began) / 1000;
  return [(step() - first) / seconds, came / seconds, painted / seconds];
}"""
# what a hidden page does: the browser calls nobody back
HIDE = "() => { window.painting = requestAnimationFrame;" \
       " window.requestAnimationFrame = (act) => { window.kept = act; }; }"  # fmt: skip
SHOW = "() => { window.requestAnimationFrame = window.painting; window.kept(); }"


def digits(folder: Path) -> Path:
    """Write the table: 784 columns of bytes and a class."""
    rng = np.random.default_rng(0)
    columns = {f"p{k}": rng.integers(0, 256, ROWS, dtype=np.uint8) for k in range(784)}
    path = folder / "digits.parquet"
    pl.DataFrame(columns | {"digit": [f"d{k % 10}" for k in range(ROWS)]}).write_parquet(path)
    return path


def alone(setup: Setup, samples: Samples, seconds: float) -> float:
    """Return the steps a second of the engine, with nothing beside it."""
    trainer = Trainer(setup, samples)
    grain = max(1, trainer.steps_of_epoch // 8)
    for span in (0.5, seconds):
        began, first = time.perf_counter(), trainer.state.step
        while time.perf_counter() - began < span:
            trainer._take(grain)
        rate = (trainer.state.step - first) / (time.perf_counter() - began)
    return rate


@contextmanager
def page(setup: Setup, table: Path | None) -> Iterator[Any]:
    """Yield a page whose run is that of a setup, at full speed."""
    from playwright.sync_api import sync_playwright

    command = [sys.executable, "-m", "clearprop", "studio", "--port", "0", "--no-browser"]
    server = subprocess.Popen(
        [*command, "--most-mb", "50"], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found is not None
        chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            view = browser.new_page(viewport={"width": 1280, "height": 900})
            time.sleep(1)
            view.goto(found[0])
            view.locator("#cp-network svg circle").first.wait_for()
            choose(view, setup, table)
            yield view
            browser.close()
    finally:
        server.terminate()
        server.wait()


def choose(view: Any, setup: Setup, table: Path | None) -> None:
    """Make the page's run that of a setup."""
    # before the network, whose plan depends on it
    view.locator("#cp-batch").select_option(f"{float(setup.batch_size)}")
    if table is not None:
        view.locator("#cp-file").set_input_files(table)
        view.locator("#cp-size", has_text="784 →").wait_for(timeout=60_000)
    else:
        view.locator("#cp-data").select_option(setup.data)
    while view.locator(".layer").count() > len(setup.hidden):
        count = view.locator(".layer").count()
        view.locator(".layer button", has_text="×").last.click()
        view.wait_for_function("(n) => document.querySelectorAll('.layer').length < n", arg=count)
    for place, (units, activation) in enumerate(setup.hidden):
        layer = view.locator(".layer").nth(place)
        layer.locator("input").fill(str(units))
        layer.locator("input").press("Enter")
        view.locator("#cp-size", has_text=f"{units}").wait_for()
        layer.locator("select").select_option(activation)
        view.wait_for_timeout(300)
    view.locator("#cp-speed").select_option("full")
    if view.locator("#cp-play").get_attribute("aria-pressed") == "false":
        view.locator("#cp-play").click()
    view.wait_for_timeout(1500)


def hidden(view: Any, seconds: float) -> float:
    """Return the steps a second while the page asks for nothing."""
    step = "() => Number(document.querySelector('[data-live=step]').textContent.replace(/,/g, ''))"
    view.evaluate(HIDE)
    view.wait_for_timeout(300)
    first, began = view.evaluate(step), time.perf_counter()
    view.wait_for_timeout(int(1000 * seconds))
    view.evaluate(SHOW)
    view.wait_for_function(f"(n) => ({step})() > n", arg=first)
    return float((view.evaluate(step) - first) / (time.perf_counter() - began))


def browser_seconds() -> float:
    """Return the time that processors have spent on browsers, where the system tells it."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text(encoding="utf-8").rpartition(")")
        except OSError:
            continue  # it has ended
        if "chrom" in name:
            ticks += sum(map(int, rest.split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def clicks(view: Any) -> list[float]:
    """Return how long Pause takes while the page trains, in milliseconds."""
    taken = []
    for _ in range(CLICKS):
        taken.append(view.evaluate(CLICK))
        view.wait_for_timeout(100)
        view.evaluate(CLICK)
        view.wait_for_timeout(400)
    return taken


def measure(name: str, setup: Setup, table: Path | None, seconds: float) -> None:
    """Measure one network, and print it."""
    samples = (
        table_samples(
            Upload(table.name, pl.read_parquet(table)), setup.target, train_share=0.7, seed=1
        )
        if table is not None
        else toy_samples(setup.data, rows=200, noise=0.1, train_share=0.7, seed=1)
    )
    bare = alone(setup, samples, seconds)
    print(f"{name}: alone {bare:.0f} steps a second", flush=True)
    with page(setup, table) as view:
        network = view.locator("#cp-size").inner_text()
        before = browser_seconds()
        shown, came, painted = view.evaluate(COUNT, 1000 * seconds)
        browser = (browser_seconds() - before) / seconds
        print(f"  shown {shown:.0f} steps a second", flush=True)
        unseen = hidden(view, seconds)
        answers = clicks(view)
    print(f"  {network}")
    print(f"  steps a second: alone {bare:.0f}, hidden {unseen:.0f} ({unseen / bare:.0%}), shown "
          f"{shown:.0f} ({shown / bare:.0%})")  # fmt: skip
    print(f"  frames a second: {came:.1f} from the session, {painted:.0f} painted")
    print(f"  the browser takes {browser:.2f} of the {os.cpu_count()} cores while it shows them")
    print(f"  a click: median {statistics.median(answers):.0f} ms, longest {max(answers):.0f} ms",
          flush=True)  # fmt: skip


def main() -> None:
    """Measure both networks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--only", default="wide,small")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in given.only.split(","):
            table = digits(Path(folder)) if name == "wide" else None
            measure(name, WIDE if name == "wide" else SMALL, table, given.seconds)


if __name__ == "__main__":
    main()
