"""The server gone and back, not ready, and refusing."""

import json


def test_a_rating_that_is_sent_while_the_server_is_gone_arrives_once(page, site):
    page.open()
    first, second = page.list()[:2]
    site.kill()
    page.rate(first, 4)
    page.until_text(".banner", "1 rating is kept here")
    page.until_text(".send", "waiting for the server")
    page.until_text(".rated .count", "1")
    page.until_text("#pill", "Offline")
    page.rate(second, 2)
    page.until_text(".banner", "2 ratings are kept here")
    site.start()
    page.until_done(2)
    page.until_text("#pill", "Ready")
    page.until("no banner", lambda: not page.all(".banner"))
    assert site.ratings("abby") == {first: 4, second: 2}
    assert len(site.executions("abby")) == 2


def test_a_rating_whose_answer_was_lost_is_sent_again_under_the_same_key(page, site):
    page.open()
    first = page.list()[0]
    # The server takes the rating, and its answer does not come through.
    page.script("""
        const real = window.fetch;
        window.lost = [];
        window.fetch = async (url, options) => {
            const answer = await real(url, options);
            if (options?.method !== 'POST' || window.lost.length > 0) return answer;
            window.lost.push(options.headers['idempotency-key']);
            throw new TypeError('the connection was reset');
        };
    """)
    page.rate(first, 3)
    page.until_done()
    assert page.script("return window.lost.length") == 1
    assert site.ratings("abby") == {first: 3}
    assert len(site.executions("abby")) == 1


def test_what_was_not_sent_outlives_a_reload(page, site):
    page.open()
    first = page.list()[0]
    # As it is when a tab is closed before an answer came.
    page.script("window.fetch = () => new Promise(() => {})")
    page.rate(first, 5)
    page.one('.send[data-stage="sending"]')
    assert site.ratings("abby") == {}
    page.driver.refresh()
    page.until_done()
    assert site.ratings("abby") == {first: 5}
    # And is forgotten here once it was answered.
    assert page.script("return Object.keys(localStorage).filter((one) => one.includes('outbox'))") == []


def test_a_refusal_is_told_with_what_to_do(driver, sites, published):
    from conftest import a_page

    site = sites(published, "--new-ratings-per-user", "1")
    for page in a_page(driver, site):
        page.open()
        first, second = page.list()[:2]
        page.rate(first, 4)
        page.until_done()
        page.rate(second, 2)
        page.until_text(".send", "too many new ratings")
        page.until_text(".send", "akin-batch with --with-ledger")
        page.until("what was refused is not shown as rated", lambda: page.text(".rated .count") == "1")
        assert site.ratings("abby") == {first: 4}


def test_a_server_without_a_version_is_waited_for(driver, sites, programs, made_up, tmp_path):
    from conftest import a_page, publish

    site = sites(tmp_path / "none", is_ready=False)
    for page in a_page(driver, site):
        page.open()
        page.until_text(".banner", "no version is loaded")
        page.until_text(".banner", "akin-batch run")
        page.until_text("#pill", "Not ready")
        page.until_text(".list .problem", "no version")
        publish(programs, made_up, site.store)
        page.list()
        page.until_text("#pill", "version 1")
        assert not page.all(".problem")


def test_a_proxy_may_keep_health_to_itself(page):
    source = """
        const real = window.fetch;
        window.fetch = async (url, options) => String(url).includes('/health/')
            ? new Response('<h1>Forbidden</h1>', { status: 403 }) : real(url, options);
    """
    script = page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": source})
    try:
        page.open()
        page.list()
        page.until_text("#pill", "Serving")
        page.until_text("#pill", "version 1")
        assert not page.all(".banner")
    finally:
        page.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def test_a_newer_version_that_is_refused_is_told(page, site):
    page.open()
    page.list()
    page.one("#pill").click()
    version = site.json("/versions/current")
    page.until_text("#server", version["version"])
    page.until_text("#server", "150")
    manifest = sorted((site.store / "manifests").iterdir())[0]
    broken = json.loads(manifest.read_text())
    (manifest.parent / "00000000000000000002.json").write_text(json.dumps(broken)[:-40])
    page.until_text(".banner", "A newer version was refused")
    page.until_text("#server", "Version 2 was refused")
    page.until_text("#pill", "Ready, but")
