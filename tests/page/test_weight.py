"""What the page weighs, and whom it asks."""

import json

MOST_BYTES = 100_000
MOST_FILES = 20


def test_a_first_visit_is_small_and_asks_nobody_else(page, site):
    page.driver.get_log("performance")
    page.driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
    page.open()
    page.list()
    page.until_text("#pill", "Ready")
    events = [json.loads(one["message"])["message"] for one in page.driver.get_log("performance")]
    asked = [one["params"]["request"]["url"] for one in events if one["method"] == "Network.requestWillBeSent"]
    asked = [url for url in asked if not url.startswith(("about:", "data:"))]
    assert all(url.startswith(site.url) for url in asked), asked
    received = {one["params"]["requestId"]: one["params"]["encodedDataLength"]
                for one in events if one["method"] == "Network.loadingFinished"}
    assert 10_000 < sum(received.values()) < MOST_BYTES, received
    files = [url for url in asked if "/page/" in url or url == site.url]
    assert len(set(files)) == len(files) <= MOST_FILES, files
    page.driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": False})


def test_the_policy_allows_nothing_that_is_not_of_this_server(page):
    page.open()
    page.list()
    script = """
        const done = arguments[0];
        const refused = [];
        document.addEventListener('securitypolicyviolation', (one) => refused.push(one.effectiveDirective));
        const add = (name, set) => { const one = document.createElement(name); set(one); document.body.append(one); one.remove(); };
        fetch('http://127.0.0.2:9/').catch(() => {});
        add('img', (one) => { one.src = 'http://127.0.0.2:9/a.png'; });
        add('style', (one) => { one.textContent = 'body { color: red }'; });
        try { document.body.insertAdjacentHTML('beforeend', '<b>text</b>'); refused.push('html'); } catch { refused.push('trusted'); }
        setTimeout(() => done(refused), 300);
    """
    refused = page.driver.execute_async_script(script)
    assert {"connect-src", "img-src", "style-src-elem", "trusted"} <= set(refused), refused
    page.driver.get_log("browser")
