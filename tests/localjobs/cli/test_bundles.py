import json
from xml.etree import ElementTree as ET


def test_resolve_prints_the_bundle_as_json(bench, wheel, localjobs):
    bench.write([wheel("a")])
    tree = json.loads(localjobs("resolve", "-t", "local", "-o", "json").stdout)
    assert tree["bundle"]["target"] == "local"
    assert tree["resources"]["jobs"]["job"]["queue"] == {"enabled": True}


def test_graph_prints_a_flowchart(bench, wheel, condition, localjobs):
    bench.write(
        [wheel("a"), condition("c", "1", "EQUAL_TO", "1", after=["a"]), wheel("b", after=["a"], run_if="ALL_DONE")]
    )
    assert localjobs("graph", "job").stdout == (
        'flowchart LR\n  t0["a"]\n  t1["b<br/>ALL_DONE"]\n  t2{"c"}\n  t0 --> t1\n  t0 --> t2\n'
    )


def test_an_unknown_target_exits_with_two(bench, wheel, localjobs):
    bench.write([wheel("a")])
    done = localjobs("resolve", "-t", "prod")
    assert done.returncode == 2
    assert "no target 'prod'; the targets are: local" in done.stderr


def test_a_graph_is_a_picture_of_its_own(bench, wheel, condition, localjobs):
    bench.write(
        [
            condition("good", "1", "EQUAL_TO", "1"),
            {**wheel("yes"), "depends_on": [{"task_key": "good", "outcome": "true"}]},
        ]
    )
    done = localjobs("graph", "job", "-o", "svg")
    assert done.returncode == 0, done.stderr
    root = ET.fromstring(done.stdout)  # noqa: S314 - our own output
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["true", "good", "condition", "yes", "python wheel"]
