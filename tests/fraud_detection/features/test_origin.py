"""When a table of features can be brought up to date, and when it is made anew."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fraud_detection.errors import DataError
from fraud_detection.features.definition import fingerprint
from fraud_detection.features.groups import customer_spend
from fraud_detection.features.lateness import Lateness
from fraud_detection.features.origin import CHANGES_KEPT, Origin, TableVersion, choose_build, read_origin, refuse_many
from fraud_detection.features.settings import FeatureSettings

DAY = timedelta(days=1)
BUILT = Origin(datetime(2018, 10, 1, tzinfo=UTC), "abc", TableVersion("t", 3), TableVersion("l", 5))
WANTED = replace(BUILT, as_of=BUILT.as_of + DAY, transactions=TableVersion("t", 4))


def test_a_note_tells_what_it_was_written_from():
    late = replace(BUILT, lateness=Lateness(-5, 10))
    assert (read_origin(BUILT.to_text()), read_origin(late.to_text())) == (BUILT, late)


def test_a_note_of_before_lateness_was_kept_is_read():
    assert read_origin(BUILT.to_text().replace(', "lateness": null', "")) == BUILT


@pytest.mark.parametrize("text", ["", "nightly", "[1]", "{}", '{"kind": "other", "as_of": "2018-10-01"}'])
def test_what_others_note_is_no_origin(text):
    assert read_origin(text) is None


def test_an_origin_that_lacks_something_is_an_error():
    with pytest.raises(DataError, match="lacks 'labels'"):
        read_origin(BUILT.to_text().replace('"labels"', '"label"'))


def test_a_table_of_yesterday_is_brought_up_to_date():
    choice = choose_build(BUILT.to_text(), WANTED, DAY)
    assert (choice.name, choice.since) == ("update", BUILT)
    assert choice.reason == "made as of 2018-10-01 from versions 3 and 5 of transactions, labels"


@pytest.mark.parametrize(
    ("text", "wanted", "age", "reason"),
    [
        ("", WANTED, DAY, "does not say what it was made from"),
        (BUILT.to_text(), replace(WANTED, definition="def"), DAY, "the definition of the features changed"),
        (BUILT.to_text(), replace(WANTED, as_of=BUILT.as_of - DAY), DAY, "up to 2018-10-01, later than asked for"),
        (BUILT.to_text(), replace(WANTED, labels=TableVersion("new", 9)), DAY, "silver was made anew"),
        (BUILT.to_text(), replace(WANTED, transactions=TableVersion("t", 2)), DAY, "silver was made anew"),
        (BUILT.to_text(), WANTED, CHANGES_KEPT, "made 7 days ago, and changes are kept for 7"),
    ],
)
def test_a_table_is_made_anew_where_an_update_could_be_wrong(text, wanted, age, reason):
    choice = choose_build(text, wanted, age)
    assert choice.name == "rebuild"
    assert reason in choice.reason


def test_a_table_of_which_much_changed_is_made_anew():
    choice = choose_build(BUILT.to_text(), WANTED, DAY)
    assert refuse_many(choice, changed=250, rows=1000) == choice
    many = refuse_many(choice, changed=251, rows=1000)
    assert (many.name, many.reason) == ("rebuild", "251 rows changed of 1,000, more than 25%")


def test_the_fingerprint_follows_what_decides_a_value():
    group = customer_spend.GROUP
    usual = fingerprint(FeatureSettings(), [group])
    assert usual == fingerprint(FeatureSettings(shards=3), [group])
    others = [
        fingerprint(FeatureSettings(label_delay_days=6), [group]),
        fingerprint(FeatureSettings(), [replace(group, features=group.features[:2])]),
        fingerprint(FeatureSettings(), [replace(group, compute=fingerprint)]),
    ]
    assert usual not in others
