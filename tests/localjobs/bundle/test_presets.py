import pytest

from localjobs.bundle.presets import apply_presets, as_identifier, complete_presets
from localjobs.errors import BundleError


def developed(resources, **presets):
    tree = {
        "bundle": {"target": "dev", "mode": "development"},
        "workspace": {"current_user": {"short_name": "me"}},
        "resources": resources,
        "presets": presets,
    }
    return apply_presets(complete_presets(tree))["resources"]


def test_development_marks_a_job_and_holds_it_back():
    job = developed({"jobs": {"x": {"name": "x", "schedule": {"timezone_id": "UTC"}}}})["jobs"]["x"]
    assert job["name"] == "[dev me] x"
    assert job["tags"] == {"dev": "me"}
    assert job["schedule"]["pause_status"] == "PAUSED"
    assert job["max_concurrent_runs"] == 4


def test_what_the_bundle_says_itself_survives_development():
    given = {"name": "x", "schedule": {"pause_status": "UNPAUSED"}, "max_concurrent_runs": 1, "tags": {"dev": "team"}}
    job = developed({"jobs": {"x": given}})["jobs"]["x"]
    assert job["schedule"]["pause_status"] == "UNPAUSED"
    assert job["max_concurrent_runs"] == 1
    assert job["tags"] == {"dev": "team"}


def test_presets_of_the_bundle_beat_those_of_development():
    job = developed({"jobs": {"x": {"name": "x"}}}, name_prefix="mine ", tags={"team": "risk"})["jobs"]["x"]
    assert job["name"] == "mine x"
    assert job["tags"] == {"dev": "me", "team": "risk"}


def test_objects_of_unity_catalog_get_a_prefix_that_is_an_identifier():
    resources = developed({"schemas": {"s": {"name": "fraud"}}, "volumes": {"v": {"name": "landing"}}})
    assert resources["schemas"]["s"]["name"] == "dev_me_fraud"
    assert resources["volumes"]["v"]["name"] == "landing"
    assert as_identifier("[dev me] ") == "dev_me_"


def test_an_unknown_preset_is_refused():
    with pytest.raises(BundleError, match="unknown preset 'prefix'"):
        developed({}, prefix="x")
