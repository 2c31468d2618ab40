import pytest

from localjobs.bundle.source import place_of, read_yaml
from localjobs.errors import SourceError


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        file = tmp_path / "databricks.yml"
        file.write_text(text, encoding="utf-8")
        return read_yaml(file)

    return read_text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("12:30:00", "12:30:00"),
        ("2026-01-31", "2026-01-31"),
        ("010", 10),
        ("0o10", 8),
        ("0x10", 16),
        ("-1", -1),
        ("1_000", 1000),
        ("True", True),
        ("1e3", 1000.0),
        ("-.inf", float("-inf")),
        ("~", None),
        ("'010'", "010"),
    ],
)
def test_scalars_follow_yaml_1_2(read, text, value):
    assert read(f"key: {text}") == {"key": value}
    assert type(read(f"key: {text}")["key"]) is type(value)


def test_merge_keys_yield_to_the_mapping_itself(read):
    tree = read("a: &a {x: 1, y: 1}\nb: &b {x: 2}\nc: {<<: [*a, *b], y: 3}")
    assert tree["c"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!python/object/apply:os.system [ls]", "tag .*python.* is not allowed"),
        ("a: !secret x", "is not allowed"),
        ("a: 1\nb: 2\na: 3", "databricks.yml:3: the key 'a' stands twice"),
        ("a: &a [*a]", "contains itself"),
        ("a: [", "not valid YAML"),
        ("{a: 1}: 2", "a key must be a string"),
    ],
)
def test_what_is_no_plain_yaml_is_refused_with_its_line(read, text, message):
    with pytest.raises(SourceError, match=message):
        read(text)


def test_an_alias_bomb_is_refused_at_once(read):
    layers = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    layers += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(SourceError, match="aliases expand to more than 100,000 values"):
        read("\n".join(layers))


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path):
    file = tmp_path / "databricks.yml"
    file.write_bytes(b"\xef\xbb\xbfbundle: {name: x}")
    assert read_yaml(file) == {"bundle": {"name": "x"}}


def test_keys_know_their_lines(read):
    tree = read("a:\n  - b: 1\n    c: 2\n")
    assert place_of(tree, ("a", 0, "c")).line == 3
    assert place_of(tree, ("a", 0, "missing")).line == 2
