"""What a notebook's page makes of the values that it is shown."""

from html.parser import HTMLParser

import pytest
from matplotlib.figure import Figure

from localjobs.report.notebook_page import Page


class Pictures(HTMLParser):
    """The attributes of each picture, as a browser reads them."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.found.append(dict(attrs))


@pytest.mark.parametrize("title", ['the "dear" days', "a > b & c <b>", "Säumige"])
def test_a_picture_is_told_by_its_title_whatever_is_in_it(title):
    figure, page = Figure(), Page("notebook")
    figure.suptitle(title)

    page.display(figure)

    (picture,) = Pictures(page.render()).found
    assert picture["alt"] == title
    assert set(picture) == {"alt", "src"}


def test_a_picture_without_a_title_is_a_picture():
    page = Page("notebook")

    page.display(Figure())

    assert [one["alt"] for one in Pictures(page.render()).found] == ["picture"]
