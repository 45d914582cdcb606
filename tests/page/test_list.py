"""The list: its filters, its pages, its users, and two tabs of one user."""

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select


def test_the_list_is_filtered_paged_and_made_diverse(page, site):
    page.open()
    first = page.list()
    page.rate(first[0], 5)
    page.until_done()
    page.until("another list", lambda: page.list() != first)

    def expected(options):
        answer = site.json(f"/users/abby/recommendations?{options}")
        return [one["itemId"] for one in answer["recommendations"]]

    def shows(options):
        page.until(options, lambda: page.list() == expected(options))

    page.one(".more button").click()
    shows("n=20")
    page.one(".more button").click()
    shows("n=30")
    Select(page.one("#count")).select_by_value("20")
    shows("n=20")
    genre = page.one(".chip")
    name = genre.text
    genre.click()
    shows(f"n=20&genre={name}")
    assert page.one(".chip").get_attribute("aria-pressed") == "true"
    slider = page.one("#diversity")
    slider.send_keys(Keys.END)
    shows(f"n=20&genre={name}&diversity=1")
    # It outlives a reload.
    page.driver.refresh()
    shows(f"n=20&genre={name}&diversity=1")
    page.one('.chip[aria-pressed="true"]').click()
    page.one("#diversity").send_keys(Keys.HOME)
    shows("n=20")
    # A rating keeps the filters.
    page.one(".chip").click()
    shows(f"n=20&genre={name}")
    item = page.list()[0]
    page.rate(item, 1)
    page.until_text(".summary", "because you rated")
    shows(f"n=20&genre={name}")
    assert item not in page.list()


def test_a_list_that_has_nothing_left_says_so(page, site):
    genre = site.json("/genres")["genres"][0]["name"]
    items = site.json("/items?n=1000")["items"]
    for item in items:
        if genre in item["genres"]:
            site.request("POST", "/ratings", {"user": "full", "itemId": item["itemId"], "rating": 3})
    page.open("full")
    page.list()
    next(one for one in page.all(".chip") if one.text == genre).click()
    page.until_text(".empty", f"Nothing is left in {genre}")
    page.one(".empty button").click()
    page.list()
    for item in items:
        site.request("POST", "/ratings", {"user": "full", "itemId": item["itemId"], "rating": 3})
    page.driver.refresh()
    page.until_text(".empty", "nothing left to recommend")


def test_users_are_chosen_typed_and_kept(page, site):
    page.open()
    page.list()
    strange = "Ωmega/ \"<b>&?#%41 日本"
    page.one("#user").click()
    page.type("#user-id", strange, Keys.ENTER)
    page.until_text("#list-title", strange)
    item = page.list()[0]
    page.rate(item, 4)
    page.until_done()
    [execution] = site.executions("%CE%A9mega%2F%20%22%3Cb%3E%26%3F%23%2541%20%E6%97%A5%E6%9C%AC")
    assert execution["input"]["user"] == strange
    page.driver.refresh()
    page.until_text("#list-title", strange)
    page.until_text(".rated .count", "1")
    page.one("#user").click()
    next(one for one in page.all(".users a") if one.text == "abby").click()
    page.until_text("#list-title", "For abby")
    page.until_text(".rated", "None yet")
    # What cannot be a user, or not here, is said in words.
    for user, words in [("x" * 129, "128 bytes"), ("..", "cannot be asked for from a page")]:
        page.one("#user").click()
        page.type("#user-id", user, Keys.ENTER)
        page.until_text(".list .problem", words)
    page.one("#user").click()
    page.one("#who .quiet").click()
    page.until_text("#list-title", "guest-")
    page.list()


def test_two_tabs_of_one_user_show_the_same(page, site):
    page.open()
    first = page.list()
    one = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.open()
    assert page.list() == first
    page.rate(first[0], 5)
    page.until_done()
    second = page.until("another list", lambda: page.list() != first and page.list())
    page.driver.switch_to.window(one)
    page.until("the same list", lambda: page.list() == second)
    page.until_text(".summary", "you rated in another tab")
    page.until_text(".rated .count", "1")
    assert len(site.executions("abby")) == 1


def test_a_new_version_moves_the_list(page, site, programs):
    from conftest import publish

    page.open()
    first = page.list()
    page.until_text("#pill", "version 1")
    ratings = site.folder / "ratings.csv"
    unpopular = site.json("/items?n=1000")["items"][-1]["itemId"]
    rows = [f"u{number},{unpopular},5,{1000 + number}" for number in range(400)]
    ratings.write_text("userId,movieId,rating,timestamp\n" + "\n".join(rows) + "\n")
    (site.folder / "movies.csv").write_text("movieId,title,genres\n")
    publish(programs, site.folder, site.store, "--since-last")
    page.until_text("#pill", "version 2")
    page.until_text(".summary", "because a new version serves")
    assert page.list()[0] == unpopular and unpopular not in first[:1]
    assert page.driver.find_element(By.CSS_SELECTOR, ".move").is_displayed()
