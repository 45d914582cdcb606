"""A store, a server on it, and a browser that looks at its page."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

# How long anything may take before a test gives up. Nothing asserts a time.
PATIENCE_SECONDS = 40

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--lang=en",
]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def environment():
    return {name: value for name, value in os.environ.items() if not name.startswith("AKIN_")}


def batch(programs, *arguments):
    done = subprocess.run(
        [programs / "akin-batch", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment()
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Site:
    """A server that may go and come back at one address."""

    def __init__(self, programs, store, folder, *options):
        self.programs, self.store, self.folder, self.options = programs, store, folder, options
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.address}/"
        self.process = None

    def start(self, *more, is_ready=True):
        self.log = open(self.folder / "akin-serve.log", "ab")
        data = self.folder / "ledger"
        arguments = ["--store", self.store, "--data-dir", data, "--listen", self.address, "--poll-interval", "0.1"]
        self.process = subprocess.Popen(
            [self.programs / "akin-serve", *arguments, *self.options, *more],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment(),
        )
        path = "/health/ready" if is_ready else "/health/live"
        wait_for(path, lambda: self.process.poll() is not None or self.status(path) == 200)
        assert self.process.poll() is None, (self.folder / "akin-serve.log").read_text()
        return self

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.log.close()

    # Stopped it takes connections and answers nothing.
    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def request(self, method, path, body=None, headers=()):
        connection = http.client.HTTPConnection(self.address, timeout=PATIENCE_SECONDS)
        try:
            text = None if body is None else json.dumps(body)
            sent = {"content-type": "application/json"} if body is not None else {}
            connection.request(method, path, body=text, headers={**sent, **dict(headers)})
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def status(self, path):
        try:
            return self.request("GET", path)[0].status
        except OSError:
            return None

    def json(self, path):
        response, body = self.request("GET", path)
        assert response.status == 200, body
        return json.loads(body)

    def ratings(self, user):
        return {one["itemId"]: one["rating"] for one in self.json(f"/users/{user}/ratings")["ratings"]}

    def executions(self, user):
        return self.json(f"/executions?user={user}")["executions"]


def wait_for(what, look):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.03)
    raise AssertionError(f"waited in vain for {what}")


class Page:
    """What a person does and sees."""

    def __init__(self, driver, site):
        self.driver, self.site = driver, site

    def open(self, user="abby", rest=""):
        self.driver.get("about:blank")
        self.driver.get(f"{self.site.url}#/u/{user}{rest}")
        return self

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        """The first that is shown; waits for it."""
        return self.until(selector, lambda: next((one for one in self.all(selector) if one.is_displayed()), None))

    def until(self, what, look):
        # What is painted anew meanwhile is looked for again.
        from selenium.common.exceptions import StaleElementReferenceException as Stale

        return WebDriverWait(self.driver, PATIENCE_SECONDS, 0.03, ignored_exceptions=[Stale]).until(lambda _: look(), what)

    def text(self, selector):
        return self.one(selector).text

    def until_text(self, selector, part):
        self.until(f"{part!r} in {selector}", lambda: any(part in one.text for one in self.all(selector)))

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def list(self):
        """The items of the list, from the first to the last; waits for one."""
        self.one(".list .row[data-item]")
        return self.script("return [...document.querySelectorAll('.list .row[data-item]')].map((one) => one.dataset.item)")

    def rate(self, item, stars, most=5):
        """Clicks in the stars of an item of the list."""
        glyphs = self.one(f'main .row[data-item="{item}"] .glyphs')
        self.click_at(glyphs, (stars - 0.25) / most)

    def click_at(self, element, share):
        from selenium.webdriver import ActionChains

        self.until("rest", lambda: self.script("return document.getAnimations().length") == 0)
        self.script("arguments[0].scrollIntoView({block: 'center'})", element)
        offset = round((share - 0.5) * element.size["width"])
        ActionChains(self.driver).move_to_element_with_offset(element, offset, 0).click().perform()

    def until_done(self, count=1):
        """Waits until so many ratings have gone their way."""
        self.until("ratings that are done", lambda: len(self.all('.send[data-stage="done"]')) >= count)

    def type(self, selector, *keys):
        self.one(selector).send_keys(*keys)

    def shows_fault(self):
        """What the browser complains about, but for answers that are refusals, and servers that are gone."""
        logs = self.driver.get_log("browser")
        return [one["message"] for one in logs if not re.search(r"Failed to load resource|ERR_", one["message"])]


def browser(profile, width=1280, height=900, *more):
    """A Chromium of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in [*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}", *more]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=CHROMEDRIVER))


def resize(driver, width, height=900, scheme="light"):
    """Sizes the page itself, as a phone's would be."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
