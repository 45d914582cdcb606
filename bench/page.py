"""What the page costs: bytes, the first list on a slow network, and the time from a click to the painted list.

Drives Chromium over a server that it starts; `make bench-page` calls it. Figures depend on the machine: compare in alternation.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests/page"))
from browsing import Page, Site, browser, resize  # noqa: E402

# What Chromium's tools call "slow 4G".
SLOW = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
FAST = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}

# Notes when the first list, and each later one, was painted.
OBSERVE = """
    window.bench = { first: 0, clicked: 0, took: [] };
    const painted = (done) => requestAnimationFrame(() => { const one = new MessageChannel();
        one.port1.onmessage = () => done(performance.now()); one.port2.postMessage(0); });
    let shown = '';
    new MutationObserver(() => {
        const rows = [...document.querySelectorAll('.list .row[data-item]')].map((one) => one.dataset.item).join();
        if (!rows || rows === shown) return;
        shown = rows;
        painted((now) => {
            if (!window.bench.first) window.bench.first = now;
            if (window.bench.clicked) window.bench.took.push(now - window.bench.clicked);
            window.bench.clicked = 0;
        });
    }).observe(document, { childList: true, subtree: true });
    addEventListener('click', (event) => {
        if (event.target.closest('.stars')) window.bench.clicked = event.timeStamp;
    }, true);
"""


def weight(page):
    page.driver.get_log("performance")
    page.open("weigher")
    page.list()
    events = [json.loads(one["message"])["message"] for one in page.driver.get_log("performance")]
    finished = [one["params"]["encodedDataLength"] for one in events if one["method"] == "Network.loadingFinished"]
    print(f"first visit       {len(finished)} answers, {sum(finished):,} bytes with their heads")


def first_list(page, rounds):
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", SLOW)
    took = []
    for number in range(rounds):
        page.open(f"slow-{number}")
        page.list()
        took.append(page.until("paint", lambda: page.script("return window.bench.first")))
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", FAST)
    print(f"first list        median {statistics.median(took):.0f} ms of {rounds}, slow 4G, nothing cached")


def interaction(page, ratings):
    page.open("rater")
    page.list()
    for number in range(ratings):
        before = page.list()
        scale = page.script("return getComputedStyle(document.querySelector('.list .stars')).getPropertyValue('--stars')")
        page.rate(before[number % len(before)], 1 + number % int(scale), int(scale))
        page.until("another list", lambda: page.list() != before)
    took = page.until("all", lambda: page.script("return window.bench.clicked === 0 && window.bench.took"))
    cut = statistics.quantiles(took, n=20)
    print(f"click to painted  median {statistics.median(took):.0f} ms, p95 {cut[18]:.0f} ms of {len(took)} ratings")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin-dir", type=Path, required=True)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ratings", type=int, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="akin-page-") as folder:
        site = Site(arguments.bin_dir.resolve(), arguments.store.resolve(), Path(folder)).start()
        driver = browser(Path(folder) / "chromium")
        try:
            resize(driver, 1280)
            driver.execute_cdp_cmd("Network.enable", {})
            driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
            driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": OBSERVE})
            page = Page(driver, site)
            weight(page)
            first_list(page, arguments.rounds)
            interaction(page, arguments.ratings)
        finally:
            driver.quit()
            site.kill()


if __name__ == "__main__":
    main()
