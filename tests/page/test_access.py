"""Nobody is kept out: axe-core finds no serious fault, in light and dark, wide and narrow; and how it all looks."""

import json

import pytest
from browsing import resize

SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="session")
def axe(request):
    path = request.config.getoption("--axe")
    if not path.is_file():
        pytest.skip(f"axe-core is not at {path}: `make e2e` installs it, where npm is")
    return path.read_text()


def faults(page, axe):
    page.script(axe)
    found = page.driver.execute_async_script("axe.run(document).then(arguments[0])")
    assert found["passes"], "axe looked at nothing"
    return [
        (one["id"], one["impact"], [node["html"][:200] + str(node.get("failureSummary"))[:300] for node in one["nodes"][:3]])
        for one in found["violations"]
        if one["impact"] in SERIOUS
    ]


def test_nothing_keeps_people_out_and_nothing_is_wider_than_the_screen(page, site, axe, screenshots):
    page.open("abby")
    for share in (0.87, 0.67):
        before = page.list()
        page.click_at(page.all(".list .row .glyphs")[1], share)
        page.until("another list", lambda: page.list() != before)
    page.until_done(2)
    views = {
        "list": lambda: page.open("abby") and page.list(),
        "item": lambda: page.open("abby", f"/i/{page.site.json('/items?n=1')['items'][0]['itemId']}") and page.one(".near .row"),
        "search": lambda: page.open("abby") and page.list() and page.type("#search", "the") or page.one(".found li"),
        "server": lambda: page.open("abby") and page.list() and page.one("#pill").click() or page.one("#server .facts"),
        "user": lambda: page.open("abby") and page.list() and page.one("#user").click() or page.one("#who"),
        "problem": lambda: page.open("abby", "/i/none") and page.one(".problem"),
    }
    found = {}
    for name, show in views.items():
        for width, height in ((1280, 900), (390, 844)):
            for scheme in ("light", "dark"):
                resize(page.driver, width, height, scheme)
                show()
                page.driver.save_screenshot(str(screenshots / f"{name}-{width}-{scheme}.png"))
                wide = page.script("return document.documentElement.scrollWidth")
                found |= {(name, width, scheme): bad for bad in [faults(page, axe)] if bad}
                assert wide <= width, (name, width)
    assert not found, json.dumps({str(key): bad for key, bad in found.items()}, indent=1)


def test_on_a_phone_one_rates_and_undoes_at_the_thumb(page, site):
    resize(page.driver, 390, 844)
    page.open()
    first = page.list()[0]
    page.rate(first, 4)
    page.until_text(".latest", "done")
    assert site.ratings("abby") == {first: 4}
    page.one(".latest button").click()
    page.until("it is taken back", lambda: site.ratings("abby") == {})
    smallest = page.script("return Math.min(...[...document.querySelectorAll('.list .stars')].map((one) => one.offsetHeight))")
    assert smallest >= 24
