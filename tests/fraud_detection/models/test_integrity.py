from datetime import UTC, datetime
from pathlib import Path

import mlflow
import pytest
import yaml

from fraud_detection.errors import ModelError
from fraud_detection.models import registry, tracking
from fraud_detection.models.aliases import Order, promote
from fraud_detection.models.integrity import MODEL_HASH, hash_model
from fraud_detection.models.verdict import Check, Verdict
from fraud_detection.scoring.champion import load_version

NAME = "fraud"
PICKLED = "mlflow.pyfunc.model"
ORDER = Order("ann", datetime(2018, 8, 8, tzinfo=UTC))
REJECTED = Verdict((Check("auc_roc", passed=False, found="0.5", expected="0.8"),))


@pytest.fixture
def files(store, run_id):
    """The folder of a version's files, whose content is as it was afterwards."""
    tags = {MODEL_HASH: store.get_run(run_id).data.tags[MODEL_HASH]}
    registry.register(store, NAME, run_id, tracking.model_uri(run_id), REJECTED, tags, ORDER)
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{NAME}/1"))
    content = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    yield folder
    for file in [path for path in folder.rglob("*") if path.is_file() and path not in content]:
        file.unlink()
    for file, before in content.items():
        file.write_bytes(before)


def damage(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_what_was_noted_in_training_is_the_hash_of_what_is_stored(files, store, run_id):
    assert hash_model(files) == store.get_run(run_id).data.tags[MODEL_HASH]
    assert load_version(NAME, 1).scorer.features


@pytest.mark.parametrize("file", ["artifacts/boosters/booster-0.ubj", "artifacts/boosters/model.json", "scorer.py"])
@pytest.mark.parametrize("load", ["by the registry", "by the run", "for scoring", "for promotion"])
def test_a_changed_file_is_refused_wherever_a_model_is_loaded(files, store, run_id, file, load):
    damage(files / file)
    loads = {
        "by the registry": lambda: tracking.load_model(f"models:/{NAME}/1"),
        "by the run": lambda: tracking.load_model(tracking.model_uri(run_id)),
        "for scoring": lambda: load_version(NAME, 1),
        "for promotion": lambda: promote(store, NAME, 1, ORDER),
    }
    with pytest.raises(ModelError, match=r"expected .*, noted when it was trained"):
        loads[load]()
    assert store.get_registered_model(NAME).aliases == {}


def test_code_that_was_put_into_a_model_is_not_run(files, store, tmp_path):
    proof = tmp_path / "ran"
    code = files / "scorer.py"
    code.write_text(f"open({str(proof)!r}, 'w').close()\n{code.read_text()}")
    mlflow.pyfunc.load_model(str(files))
    assert proof.exists()  # MLflow alone runs it
    proof.unlink()
    with pytest.raises(ModelError, match="changed or are not whole"):
        promote(store, NAME, 1, ORDER)
    assert not proof.exists()


def test_a_pickle_that_was_put_into_a_model_is_not_opened(files, store, tmp_path):
    proof = tmp_path / "opened"
    (files / "evil.pkl").write_bytes(b"cbuiltins\nexec\n(S\"open('%s', 'w').close()\"\ntR." % str(proof).encode())
    described = yaml.safe_load((files / "MLmodel").read_text())
    python = described["flavors"]["python_function"]
    del python["model_code_path"]
    (files / "MLmodel").write_text(
        yaml.safe_dump(
            described
            | {"flavors": {"python_function": python | {"loader_module": PICKLED, "python_model": "evil.pkl"}}}
        )
    )
    with pytest.raises(Exception, match=r".+"):  # MLflow alone opens it, and then has no model
        mlflow.pyfunc.load_model(str(files))
    assert proof.exists()
    proof.unlink()
    with pytest.raises(ModelError, match="says that it is loaded by"):
        promote(store, NAME, 1, ORDER)
    with pytest.raises(ModelError, match="says that it is loaded by"):
        tracking.load_model(f"models:/{NAME}/1")
    assert not proof.exists()


def remove(folder):
    (folder / "artifacts" / "boosters" / "booster-1.ubj").unlink()


@pytest.mark.parametrize("change", [lambda folder: (folder / "more.py").write_text(""), remove])
def test_a_file_too_many_or_too_few_is_refused(files, change):
    change(files)
    with pytest.raises(ModelError, match="changed or are not whole"):
        load_version(NAME, 1)


def test_a_model_of_before_there_were_hashes_is_loaded_with_a_warning(files, store, caplog):
    store.delete_model_version_tag(NAME, "1", MODEL_HASH)
    damage(files / "scorer.py")
    assert load_version(NAME, 1).scorer.features
    assert "cannot be checked" in caplog.text
