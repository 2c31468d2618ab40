import json


def test_findings_are_text_json_and_sarif(bench, wheel, localjobs):
    bench.write([wheel("a")], tags={"team": "risk"}, email_notifications={"on_failure": ["x@example.com"]})
    text = localjobs("lint")
    assert text.returncode == 1
    assert "databricks.yml:1: missing-retries: task a does not say max_retries; a lost spot machine" in text.stdout
    found = json.loads(localjobs("lint", "-o", "json").stdout)
    assert [(one["rule"], one["file"], one["line"]) for one in found] == [
        ("missing-retries", "databricks.yml", 1),
        ("missing-timeout", "databricks.yml", 1),
    ]
    run = json.loads(localjobs("lint", "-o", "sarif").stdout)["runs"][0]
    assert [result["ruleId"] for result in run["results"]] == ["missing-retries", "missing-timeout"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "databricks.yml"
    assert {result["ruleId"] for result in run["results"]} <= {rule["id"] for rule in run["tool"]["driver"]["rules"]}


def test_a_bundle_without_findings_exits_with_zero_and_one_that_is_refused_with_two(bench, wheel, localjobs):
    bench.write(
        [wheel("a", timeout_seconds=1, max_retries=0)],
        tags={"team": "risk"},
        email_notifications={"on_failure": ["x@example.com"]},
    )
    done = localjobs("lint")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "nothing found by 22 rules\n")
    for form, nothing in (("json", []), ("sarif", [])):
        done = localjobs("lint", "-o", form)
        printed = json.loads(done.stdout)
        assert (done.returncode, done.stderr) == (0, "")
        assert (printed if form == "json" else printed["runs"][0]["results"]) == nothing
    (bench.root / "databricks.yml").write_text("bundle: [")
    assert localjobs("lint").returncode == 2
