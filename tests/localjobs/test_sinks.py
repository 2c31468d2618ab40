import warnings
from pathlib import Path

from localjobs.sinks import RecordingSink, Sinks


def refuse(_event):
    raise RuntimeError("the ledger is gone")


def warn(_event):
    warnings.warn("no price for this node", UserWarning, stacklevel=1)
    warnings.warn("a matter of its developers", DeprecationWarning, stacklevel=1)
    return {"dbu": 1}


def make_sinks(**sinks):
    factories = {name: (lambda sink=sink: lambda _root, _target: sink) for name, sink in sinks.items()}
    return Sinks(factories, Path(), "local")


def test_what_sinks_answer_is_gathered():
    sinks = make_sinks(a=RecordingSink({"x": 1}), b=RecordingSink({"y": 2}))
    assert sinks.attempt_finished(None) == {"x": 1, "y": 2}
    assert sinks.take_warnings() == []


def test_a_sink_that_raises_is_reported_and_stops_no_other():
    broken = RecordingSink()
    broken.attempt_finished = refuse
    sinks = make_sinks(broken=broken, good=RecordingSink({"x": 1}))
    assert sinks.attempt_finished(None) == {"x": 1}
    assert sinks.take_warnings() == ["sink broken failed: RuntimeError: the ledger is gone"]
    assert sinks.take_warnings() == []


def test_a_sink_that_cannot_be_loaded_is_reported():
    def load():
        raise ModuleNotFoundError("no such sink")

    sinks = Sinks({"gone": load}, Path(), "local")
    assert sinks.attempt_finished(None) == {}
    assert sinks.take_warnings() == ["sink gone failed: ModuleNotFoundError: no such sink"]


def test_what_a_sink_warns_its_user_of_is_reported():
    sink = RecordingSink()
    sink.attempt_finished = warn
    sinks = make_sinks(prices=sink)
    assert sinks.attempt_finished(None) == {"dbu": 1}
    assert sinks.take_warnings() == ["prices: no price for this node"]


def test_sinks_are_closed():
    sink = RecordingSink()
    make_sinks(a=sink).close()
    assert sink.closed
