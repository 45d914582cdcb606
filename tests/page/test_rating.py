"""Rating: with the mouse, with the keyboard, taken back; and the life of each rating."""

from selenium.webdriver.common.keys import Keys


def test_a_rating_is_sent_polled_and_moves_the_list(page, site):
    page.open()
    before = page.list()
    assert len(before) == 10
    page.until_text(".summary", "What many people rate")
    page.rate(before[0], 4.5)
    page.until_done()
    assert site.ratings("abby") == {before[0]: 4.5}
    after = page.until("another list", lambda: page.list() != before and page.list())
    assert before[0] not in after
    # What is new or moved says so, and why.
    page.until_text(".summary", "because you rated")
    assert page.all(".list .move")
    page.until_text(".list .why", "because you rated")
    # Its handle, and its life in milliseconds.
    send = page.one(".send")
    [execution] = site.executions("abby")
    assert execution["executionArn"] in send.text
    life = [one.text for one in page.all(".send .life li")]
    assert [text.split()[0] for text in life] == ["sent", "accepted", "running", "done"], life
    assert "ms" in life[1] and "ms" in life[3], life
    assert len(page.all(".send .life .is-reached")) == 4
    # The list is that of the server.
    expected = site.json("/users/abby/recommendations?n=10")["recommendations"]
    assert page.list() == [one["itemId"] for one in expected]


def test_after_a_reload_everything_is_as_it_was(page, site):
    page.open()
    first = page.list()
    page.rate(first[0], 4)
    page.until_done()
    second = page.until("another list", lambda: page.list() != first and page.list())
    page.driver.refresh()
    assert page.list() == second
    page.until_text(".rated .count", "1")
    page.until_done()
    [execution] = site.executions("abby")
    assert execution["executionArn"] in page.text(".send")


def test_a_rating_is_changed_and_taken_back(page, site):
    page.open()
    first = page.list()[0]
    page.rate(first, 2)
    page.until_done(1)
    stars = page.one(".rated-item .glyphs")
    page.click_at(stars, 0.97)
    page.until_done(2)
    assert site.ratings("abby") == {first: 5}
    page.one(".send .quiet").click()
    page.until_done(3)
    assert site.ratings("abby") == {first: 2}
    page.one('.rated-item button[aria-label^="Take back"]').click()
    page.until("it is taken back", lambda: site.ratings("abby") == {})
    page.until_text(".rated", "None yet")
    assert page.until("the first list", lambda: page.list()[0] == first)


def test_the_keyboard_alone_searches_rates_and_takes_back(page, site):
    page.open()
    page.list()
    title = site.json("/items?n=1")["items"][0]
    active = page.driver.switch_to.active_element
    active.send_keys(Keys.TAB)
    assert "Skip" in page.driver.switch_to.active_element.text

    def tab_to(look, limit=80):
        for _ in range(limit):
            page.driver.switch_to.active_element.send_keys(Keys.TAB)
            if look(page.driver.switch_to.active_element):
                return page.driver.switch_to.active_element
        raise AssertionError("the keyboard does not come there")

    field = tab_to(lambda one: one.get_attribute("id") == "search")
    field.send_keys(title["title"].split("(")[0].strip())
    page.until_text(".found", "title")
    page.until("the title", lambda: title["itemId"] in page.one(".found a").get_attribute("href"))
    field.send_keys(Keys.ARROW_DOWN)
    assert page.driver.switch_to.active_element.tag_name == "a"
    page.driver.switch_to.active_element.send_keys(Keys.TAB)
    slider = page.driver.switch_to.active_element
    assert (slider.get_attribute("type"), slider.get_attribute("aria-valuetext")) == ("range", "not rated")
    slider.send_keys(Keys.END)
    assert slider.get_attribute("aria-valuetext") == "5 of 5 stars"
    slider.send_keys(Keys.ARROW_LEFT)
    # What is not meant is not sent.
    assert site.ratings("abby") == {}
    slider.send_keys(Keys.ENTER)
    page.until_done()
    assert site.ratings("abby") == {title["itemId"]: 4.5}
    page.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert page.driver.switch_to.active_element.get_attribute("id") == "search"
    undo = tab_to(lambda one: one.text == "Undo")
    undo.send_keys(Keys.ENTER)
    page.until_done(2)
    assert site.ratings("abby") == {}


def test_what_escape_ends_is_not_sent(page, site):
    page.open()
    page.list()
    slider = page.one(".list .row .stars").find_element("css selector", "input")
    page.script("arguments[0].focus()", slider)
    slider.send_keys(Keys.END, Keys.ESCAPE)
    assert slider.get_attribute("aria-valuetext") == "not rated"
    page.script("arguments[0].blur()", slider)
    page.rate(page.list()[1], 3)
    page.until_done()
    assert len(site.ratings("abby")) == 1
