"""The page of 500 runs with logs of 10,000 lines: seconds in Chromium, as JSON.

    python benchmarks/runs_page.py [RUN]      # a run to copy; else one is trained for a moment

Timed from the navigation: until the table has been painted, as much of it as the window shows; until all rows are in
it; and from there until a run's curves have been drawn, the first time with plotly.js and then for another run. The
medians of several visits; each visit is a new browser context, so nothing comes from its cache. Where other work takes
the cores, the CPU time of the server and the browser together tells what an idle machine would need at most: part of
it runs side by side.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from runs_scale import LIMIT_S, LINES, RUNS, copy_run, log_body, trained

VISITS = 5
SCREEN = 30
"""Rows that a window of 1440 x 900 shows, and some."""
PAINTED = """() => new Promise(done => {
  const look = () => document.querySelectorAll("#rows tbody tr").length >= %d
    ? requestAnimationFrame(() => setTimeout(() => done(performance.now() / 1000))) : setTimeout(look, 5);
  look();
})"""


def main() -> None:
    """Make the runs, open the page, and print."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        folder = Path(made)
        template = Path(sys.argv[1]) if len(sys.argv) > 1 else trained(folder / "template")
        body = log_body(template)
        for number in range(RUNS):
            copy_run(template, folder / "runs" / f"sweep-{number // 100}" / f"trial-{number:03}", number, body)
        server, address = serve(folder / "runs")
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        try:
            cookies = come_in(browser, address)
            visits = [visit(browser, cookies, address) for _ in range(VISITS)]
        finally:
            browser.close()
            server.kill()
            server.wait()
    found = {name: round(statistics.median(each[name] for each in visits), 3) for name in visits[0]}
    about = {"benchmark": "runs_page", "runs": RUNS, "log_lines": LINES, "cores": len(os.sched_getaffinity(0))}
    print(json.dumps({**about, **found, "load": round(os.getloadavg()[0], 1), "limit_s": LIMIT_S}))


def serve(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """The server, and its address."""
    command = [sys.executable, "-m", "maskwright", "open", str(folder), "--port", "0", "--no-browser", "--json"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    return server, str(json.loads(server.stdout.readline())["address"])


def come_in(browser: Any, address: str) -> Any:
    """The cookies of somebody who opened the address."""
    context = browser.new_context()
    context.new_page().goto(address)
    return context.storage_state()


def visit(browser: Any, cookies: Any, address: str) -> dict[str, float]:
    """One visit: the table, the curves of one run, the curves of another."""
    page = browser.new_context(storage_state=cookies, viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(300_000)
    spent = cpu_s()
    page.goto(address.partition("?")[0], wait_until="commit")
    seconds = {"table_s": float(page.evaluate(PAINTED % SCREEN)), "table_cpu_s": cpu_s() - spent}
    seconds["all_rows_s"] = float(page.evaluate(PAINTED % RUNS))
    for name, row in (("first_curves", 0), ("next_curves", 1)):
        began, spent = time.perf_counter(), cpu_s()
        page.evaluate("document.querySelectorAll('.chart').forEach(chart => { delete chart.dataset.drawn; })")
        page.locator("#rows tbody tr").nth(row).click()
        page.wait_for_selector("#chart-iteration_s[data-drawn]", state="attached")
        seconds |= {f"{name}_s": time.perf_counter() - began, f"{name}_cpu_s": cpu_s() - spent}
    page.context.close()
    return seconds


def cpu_s() -> float:
    """CPU time of the server and of all processes of the browser so far."""
    found = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            found += sum(process.cpu_times()[:2])
    return found


if __name__ == "__main__":
    main()
