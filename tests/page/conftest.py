"""The page in a real browser. `tests/end_to_end/page.rs` calls this with the programs that it has built."""

import os
import shutil
from pathlib import Path

import pytest

from browsing import CHROMEDRIVER, CHROMIUM, Page, Site, batch, browser, resize


def pytest_addoption(parser):
    parser.addoption("--bin-dir", type=Path, required=True, help="where akin-batch and akin-serve are")
    parser.addoption("--screenshots", type=Path, required=True, help="the folder of what was seen")
    parser.addoption("--axe", type=Path, required=True, help="axe.min.js of axe-core")


def pytest_sessionstart(session):
    if CHROMIUM and CHROMEDRIVER:
        return
    words = "Chromium is missing: install Debian's chromium and chromium-driver. The page was not looked at"
    if os.environ.get("CI"):
        pytest.exit(words, returncode=1)
    pytest.exit(words, returncode=0)


@pytest.fixture(scope="session")
def programs(request):
    return request.config.getoption("--bin-dir").resolve()


@pytest.fixture(scope="session")
def screenshots(request):
    folder = request.config.getoption("--screenshots").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def made_up(programs, tmp_path_factory):
    """Made-up ratings with titles of films."""
    folder = tmp_path_factory.mktemp("made-up")
    batch(programs, "synth", "--users", "300", "--items", "150", "--ratings", "12000", "--out", folder)
    return folder


@pytest.fixture(scope="session")
def published(programs, made_up, tmp_path_factory):
    store = tmp_path_factory.mktemp("published") / "store"
    publish(programs, made_up, store)
    return store


def publish(programs, folder, store, *more):
    arguments = ["--ratings", folder / "ratings.csv", "--items", folder / "movies.csv", "--store", store]
    return batch(programs, "run", *arguments, "--rating-range", "0:5", *more)


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    driver = browser(tmp_path_factory.mktemp("chromium"))
    yield driver
    driver.quit()


@pytest.fixture
def sites(programs, tmp_path):
    """Starts servers, each on a copy of a store."""
    started = []

    def start(store, *options, **how):
        folder = tmp_path / f"site-{len(started)}"
        folder.mkdir()
        if store.is_dir():
            shutil.copytree(store, folder / "store")
        site = Site(programs, folder / "store", folder, *options)
        started.append(site)
        return site.start(**how)

    yield start
    for site in started:
        site.kill()


@pytest.fixture
def site(sites, published):
    return sites(published)


@pytest.fixture
def page(driver, site):
    """A page at a desktop's width, and no complaint of the browser at the end."""
    yield from a_page(driver, site)


def a_page(driver, site):
    resize(driver, 1280)
    page = Page(driver, site)
    yield page
    faults = page.shows_fault()
    for window in driver.window_handles[1:]:
        driver.switch_to.window(window)
        driver.close()
    driver.switch_to.window(driver.window_handles[0])
    # Nothing of this page may ask a server that is gone.
    driver.get("about:blank")
    assert not faults
