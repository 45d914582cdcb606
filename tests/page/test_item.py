"""An item: its statistics, its neighbours, and walking on from them."""


def test_one_walks_from_neighbour_to_neighbour_and_back(page, site):
    page.open()
    first = page.list()[0]
    page.one(f'.row[data-item="{first}"] h2 a').click()
    item = site.json(f"/items/{first}")
    near = site.json(f"/items/{first}/neighbours?n=13")["neighbours"]
    title = item["title"].rsplit(" (", 1)[0]
    page.until_text("#item-title", title)
    facts = page.text(".item .facts")
    assert str(item["ratingCount"]) in facts and first in facts, facts
    page.until("its neighbours", lambda: page.script(ITEMS) == [one["itemId"] for one in near[:12]])
    second = page.one(".near .row")
    assert f"{near[0]['coCount']} people rated both" in second.text, second.text
    assert f"{near[0]['score']:.3f}" in second.text, second.text
    page.one(".more button").click()
    page.until("more neighbours", lambda: near[12]["itemId"] in page.script(ITEMS))
    page.one(".near a").click()
    onward = near[0]["title"].rsplit(" (", 1)[0]
    page.until_text("#item-title", onward)
    page.until_text(".trail", title)
    # Rated where one stands.
    page.click_at(page.one(".hero .glyphs"), 0.75)
    page.until_done()
    assert site.ratings("abby") == {near[0]["itemId"]: 4}
    page.driver.back()
    page.until_text("#item-title", title)
    page.driver.refresh()
    page.until_text("#item-title", title)
    page.one(".trail .back").click()
    page.until_text(".why", "because you rated")
    assert near[0]["itemId"] not in page.list()


def test_an_unknown_item_is_told_in_words(page, site):
    page.open(rest="/i/no%20such%2Fitem")
    page.until_text(".item .problem", "has no item")
    page.until_text(".item .problem", "Check the path")
    page.one(".trail .back").click()
    page.list()


ITEMS = "return [...document.querySelectorAll('.near .row')].map((one) => one.dataset.item)"
