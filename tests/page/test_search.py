"""Searching as one types, and what is no title; and a store that has none."""

from conftest import a_page, publish
from selenium.webdriver.common.keys import Keys


def test_titles_are_found_as_one_types(page, site):
    page.open()
    page.list()
    page.one("#search").click()
    page.until_text(".found", "The most often rated")
    popular = site.json("/items?n=8")["items"]
    assert [one.text for one in page.all(".found a")][0] in popular[0]["title"]
    word = popular[3]["title"].split()[1][:3].lower()
    expected = [one["itemId"] for one in site.json(f"/items?q={word}&n=8")["items"]]
    page.type("#search", word)
    page.until("the found", lambda: [found_id(one) for one in page.all(".found a")] == expected)
    page.click_at(page.all(".found .glyphs")[0], 0.5)
    page.until_done()
    assert site.ratings("abby") == {expected[0]: 2.5}
    # A click elsewhere closes it.
    page.one("h1").click()
    page.until("closed", lambda: not page.all(".found li"))


def test_what_is_no_title_is_told_in_words(page):
    page.open()
    page.list()
    page.type("#search", "zzqx")
    page.until_text(".found", "No title has “zzqx”")
    page.script("const one = document.getElementById('search'); one.value = 'a'.repeat(10000);"
                "one.dispatchEvent(new Event('input', {bubbles: true}))")
    page.until_text(".found", "at most 200 characters, this one has 10,000")
    page.type("#search", Keys.CONTROL, "a", Keys.NULL, Keys.BACKSPACE)
    page.until_text(".found", "The most often rated")


def test_a_store_without_titles_is_searched_by_ids(driver, sites, programs, made_up, tmp_path):
    folder = tmp_path / "untitled"
    folder.mkdir()
    (folder / "ratings.csv").write_bytes((made_up / "ratings.csv").read_bytes())
    (folder / "movies.csv").write_text("movieId,title,genres\n1,,\n")
    publish(programs, folder, folder / "store")
    site = sites(folder / "store")
    for page in a_page(driver, site):
        page.open()
        first = page.list()[0]
        page.until_text(".list h2", f"Item {first}")
        page.type("#search", first)
        page.until_text(".found", "This store has no titles")
        assert found_id(page.one(".found a")) == first
        assert not page.all(".chip")


def test_a_store_of_another_scale_is_rated_on_it(driver, sites, programs, tmp_path):
    folder = tmp_path / "percent"
    folder.mkdir()
    rows = [f"u{user},{item},{10 * (1 + (user + item) % 10)},1000" for user in range(30) for item in range(12) if (user + item) % 3]
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n" + "\n".join(rows) + "\n")
    (folder / "movies.csv").write_text("movieId,title,genres\n")
    batch_options = ["--ratings", folder / "ratings.csv", "--store", folder / "store", "--rating-range", "0:100"]
    from browsing import batch

    batch(programs, "run", *batch_options)
    site = sites(folder / "store")
    for page in a_page(driver, site):
        page.open()
        first = page.list()[0]
        assert not page.all(".stars")
        slider = page.one(f'.row[data-item="{first}"] .scale input')
        assert (slider.get_attribute("max"), slider.get_attribute("min")) == ("100", "1")
        slider.send_keys(Keys.END, Keys.ARROW_LEFT)
        page.one(f'.row[data-item="{first}"] .scale button').click()
        page.until_done()
        assert site.ratings("abby") == {first: 99}


def found_id(link):
    from urllib.parse import unquote

    return unquote(link.get_attribute("href").rsplit("/i/", 1)[1])
