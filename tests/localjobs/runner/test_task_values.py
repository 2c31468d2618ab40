def test_values_reach_later_tasks_by_dbutils_and_by_reference(bench, wheel):
    run = bench.run(
        [
            wheel("a", "set_values"),
            wheel("b", "print_value_by_sdk", "a", "nested", after=["a"]),
            wheel("c", "print_arguments", "{{tasks.a.values.auc}}", "{{tasks.a.values.name}}", after=["a"]),
        ]
    )
    assert run.task("a").values == {"auc": 0.75, "passed": True, "name": "naïve", "nested": {"reasons": ["one", "two"]}}
    assert bench.log(run, "b") == "value {'reasons': ['one', 'two']}\n"
    assert bench.log(run, "c") == "arguments ['0.75', 'naïve']\n"


def test_a_value_that_was_never_set_raises_unless_there_is_a_default(bench, wheel):
    run = bench.run(
        [
            wheel("a", "set_values"),
            wheel("b", "print_value", "a", "missing", after=["a"]),
            wheel("c", "print_default", after=["a"]),
        ]
    )
    message = (
        "ValueError: No task value found with task key 'a' and key 'missing'; a has set: auc, name, nested, passed."
    )
    assert run.task("b").message == message
    assert bench.log(run, "c") == "value 'fallback'\n"


def test_a_reference_to_a_value_that_was_never_set_fails_the_task(bench, wheel):
    task = wheel("b", "succeed", "{{tasks.a.values.missing}}", after=["a"])
    message = bench.run([wheel("a", "set_values"), task]).task("b").message
    assert message.startswith("cannot start: {{tasks.a.values.missing}} has no value; tasks.a.values has: auc, name")


def test_a_value_has_at_most_48_kib_of_json(bench, wheel):
    task = bench.run([wheel("a", "set_huge_value")]).task("a")
    assert task.message == "ValueError: The task value 'huge' has 49153 bytes of JSON; the limit is 49152 (48 KiB)."
    assert list(task.values) == ["fits"]


def test_a_value_is_json(bench, wheel):
    task = bench.run([wheel("a", "set_value_that_is_no_json")]).task("a")
    assert "The task value 'when' cannot be represented as JSON" in task.message


def test_secrets_come_from_the_environment_and_are_in_no_file(bench, wheel, monkeypatch):
    monkeypatch.setenv("LOCALJOBS_SECRET_FRAUD_TOKEN_KEY", "canary-8731")
    run = bench.run([wheel("a", "print_secret")])
    assert bench.log(run, "a") == "secret has 11 characters\n"
    files = [file for file in bench.root.rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if b"canary-8731" in file.read_bytes()]


def test_a_secret_that_is_missing_names_the_variable_to_set(bench, wheel):
    assert (
        "set the variable LOCALJOBS_SECRET_FRAUD_TOKEN_KEY" in bench.run([wheel("a", "print_secret")]).task("a").message
    )
