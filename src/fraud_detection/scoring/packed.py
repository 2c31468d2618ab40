"""A model on its way to Spark's workers: the bytes of its files, unpacked and loaded once by each worker."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pyarrow as pa
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from fraud_detection.models.scorer import Scorer
from fraud_detection.scoring.decisions import DECISION, decide
from fraud_detection.scoring.settings import ScoringSettings

MODELS_KEPT: Final = 2

Lists = Iterator[pa.Array]


@dataclass(frozen=True)
class PackedScorer:
    """The files of a scorer, by name: open formats, no pickle.

    They travel inside the function that Spark sends, which works on a cluster, on Connect and here: no folder has to be
    reached by all, and no worker asks the registry. A model has a megabyte or so.
    """

    files: tuple[tuple[str, bytes], ...]

    def __hash__(self) -> int:
        """By content; Python keeps the hash of bytes, so a worker computes it once a task."""
        return hash(self.files)


def pack(scorer: Scorer) -> PackedScorer:
    """Take a scorer's files along."""
    with TemporaryDirectory() as folder:
        scorer.save(Path(folder))
        return PackedScorer(tuple((path.name, path.read_bytes()) for path in sorted(Path(folder).iterdir())))


@lru_cache(maxsize=MODELS_KEPT)
def unpack(packed: PackedScorer) -> Scorer:
    """Load the scorer; a process that has it already does nothing."""
    with TemporaryDirectory() as folder:
        for name, content in packed.files:
            (Path(folder) / name).write_bytes(content)
        return Scorer.load(Path(folder))


def make_judge(packed: PackedScorer, settings: ScoringSettings) -> Callable[[Lists], Lists]:
    """A function for a scalar Arrow UDF: the features of each row, in order as a list of floats, to its `DECISION`."""

    def judge(lists: Lists) -> Lists:
        with threadpool_limits(1):  # as many workers run as there are cores
            scorer = unpack(packed)
            for features in lists:
                matrix = features.flatten().to_numpy().reshape(len(features), len(scorer.features))
                yield pa.StructArray.from_arrays(decide(matrix, scorer, settings), names=list(DECISION))

    return judge
