"""The files of a model are those that were trained: their hash is noted with the run and the version, and checked.

What is hashed is what decides: the parts of the model and the code that MLflow runs when it loads one. MLflow's own
descriptions are left out, because registering a version may write to them; but the one that says how a model is loaded
must name that code, and nothing that is unpickled.
"""

import logging
import re
from pathlib import Path
from typing import Final

import mlflow
from mlflow import MlflowClient
from mlflow.models import Model
from mlflow.models.model import MLMODEL_FILE_NAME

from fraud_detection.errors import ModelError
from fraud_detection.models.provenance import hash_files

MODEL_HASH: Final = "model_sha256"
PARTS: Final = "artifacts"
PYTHON: Final = "python_function"
CODE_LOADER: Final = "mlflow.pyfunc.loaders.code_model"
LOADED_BY: Final = ("loader_module", "model_code_path", "python_model", "code", "data")
RUN: Final = re.compile(r"runs:/([^/]+)/.+")
VERSION: Final = re.compile(r"models:/(.+)/(\d+)")
ALIAS: Final = re.compile(r"models:/(.+)@([^@]+)")

log = logging.getLogger(__name__)


def hash_model(folder: Path) -> str:
    """The hash of a stored model: its parts, and each Python file beside them."""
    files = [*folder.glob("*.py"), *(path for path in (folder / PARTS).rglob("*") if path.is_file())]
    return hash_files({file.relative_to(folder).as_posix(): file for file in files})


def fetch_model(uri: str) -> Path:
    """The folder of a run's model, or of a version by its number or alias, whose files are those that were trained.

    Raises:
        ModelError: they are not.
    """
    noted = _find_noted(MlflowClient(), uri)
    folder = Path(mlflow.artifacts.download_artifacts(uri))
    if noted is None:
        log.warning("%s has no tag %s: not made by this release, so its files cannot be checked", uri, MODEL_HASH)
        return folder
    _require_code(uri, folder)
    found = hash_model(folder)
    if found != noted:
        raise ModelError(
            f"the files of {uri} have the SHA-256 {found}; expected {noted}, noted when it was trained: they were "
            "changed or are not whole; do not use it, promote another version and find out who may write there"
        )
    return folder


def _require_code(uri: str, folder: Path) -> None:
    """Let MLflow run no code but the file that is hashed."""
    described = Model.load(folder / MLMODEL_FILE_NAME).flavors.get(PYTHON, {})
    told = {name: described.get(name) for name in LOADED_BY}
    code = folder / Path(str(told.pop("model_code_path"))).name
    if told != dict.fromkeys(told) | {"loader_module": CODE_LOADER} or code.suffix != ".py" or not code.is_file():
        raise ModelError(
            f"{uri} says that it is loaded by {described}; expected {CODE_LOADER} and a Python file of the model: "
            "it was changed; do not use it, promote another version and find out who may write there"
        )


def _find_noted(client: MlflowClient, uri: str) -> str | None:
    if run := RUN.fullmatch(uri):
        tags = client.get_run(run[1]).data.tags
    elif version := VERSION.fullmatch(uri):
        tags = client.get_model_version(version[1], version[2]).tags
    elif alias := ALIAS.fullmatch(uri):
        tags = client.get_model_version_by_alias(alias[1], alias[2]).tags
    else:
        return None
    return dict(tags).get(MODEL_HASH)
