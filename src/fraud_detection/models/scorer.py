"""The model as it is stored, loaded and served: trees, linear parts and calibration, as numbers in open formats.

MLflow keeps a copy of this file in every model ("models from code"), so it imports nothing of this project, and a
model that was stored once is served by the code that it was stored with.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xgboost as xgb
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

Floats = npt.NDArray[np.floating]

ARTIFACT = "boosters"
DESCRIPTION_FILE = "model.json"
FORMAT = 2
KNOWN_FORMATS = (1, 2)  # 1 has boosters only
REASONS = "reasons"
NO_ALERTS = 2.0  # above every probability
LEAST_SHARE = 1e-6  # of the votes of a forest, so that its log-odds are finite


@dataclass(frozen=True)
class Calibration:
    """A rising, piecewise linear map from the boosters' margin to the log-odds of fraud.

    Attributes:
        margins: knots, rising.
        log_odds: the log-odds at the knots, rising: no two scores become equal, so no ranking is lost.
        slope: how the line goes on before the first and after the last knot.
    """

    margins: tuple[float, ...] = (0.0,)
    log_odds: tuple[float, ...] = (0.0,)
    slope: float = 1.0

    def probabilities(self, margins: Floats) -> Floats:
        """Calibrated probabilities of margins."""
        inner = np.interp(margins, self.margins, self.log_odds)
        outer = margins - np.clip(margins, self.margins[0], self.margins[-1])
        odds: Floats = 1 / (1 + np.exp(-np.clip(inner + self.slope * outer, -30, 30)))
        return odds


@dataclass(frozen=True)
class Linear:
    """Log-odds that are linear in standardised features; each tuple holds one number a feature.

    Attributes:
        coefficients: log-odds that a standard deviation adds.
        absent: what an absent feature counts as.
        intercept: log-odds where every feature is at its mean.
    """

    coefficients: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    absent: tuple[float, ...]
    intercept: float

    def contributions(self, matrix: npt.NDArray[np.float32]) -> Floats:
        """What each feature adds: coefficient times standardised value."""
        filled = np.where(np.isnan(matrix), self.absent, matrix)
        added: Floats = (filled - self.means) / self.scales * self.coefficients
        return added

    def margins(self, matrix: npt.NDArray[np.float32]) -> Floats:
        """Log-odds of each row."""
        return np.asarray(self.contributions(matrix).sum(axis=1) + self.intercept)


@dataclass(frozen=True)
class Scorer:
    """The parts of a model, whose margins are averaged, the features that they read, in order, and the calibration.

    Attributes:
        boosters: trees whose leaves sum to log-odds.
        threshold: probability from which on a transaction is worth a review.
        forests: trees whose leaves sum to the share of votes for fraud.
        linear: logistic regressions.
    """

    features: tuple[str, ...]
    boosters: tuple[xgb.Booster, ...] = ()
    calibration: Calibration = Calibration()
    threshold: float = NO_ALERTS
    forests: tuple[xgb.Booster, ...] = ()
    linear: tuple[Linear, ...] = ()

    def margins(self, matrix: npt.NDArray[np.float32]) -> Floats:
        """Mean log-odds of the parts, not calibrated; the matrix holds the features in order, NaN where absent."""
        each = [booster.inplace_predict(matrix, predict_type="margin") for booster in self.boosters]
        each += [_log_odds(forest.inplace_predict(matrix, predict_type="margin")) for forest in self.forests]
        each += [part.margins(matrix) for part in self.linear]
        return np.mean(each, axis=0)

    def probabilities(self, matrix: npt.NDArray[np.float32]) -> Floats:
        """Calibrated probability of fraud, one a row of the matrix."""
        return self.calibration.probabilities(self.margins(matrix).astype(np.float64))

    def contributions(self, matrix: npt.NDArray[np.float32]) -> Floats:
        """What each feature adds to the margin of each row, by row and feature: log-odds before calibration.

        Of boosters exact TreeSHAP (Lundberg et al., 2018), which with the mean bias sums to the margin; of forests
        TreeSHAP of the votes, stretched so that it sums to the margin's distance from that of the mean vote.
        """
        return self._contributions(matrix, xgb.DMatrix(matrix))

    def _contributions(self, matrix: npt.NDArray[np.float32], data: xgb.DMatrix) -> Floats:
        each = [booster.predict(data, pred_contribs=True)[:, :-1] for booster in self.boosters]
        each += [_stretch(forest.predict(data, pred_contribs=True)) for forest in self.forests]
        each += [part.contributions(matrix) for part in self.linear]
        return np.asarray(np.mean(each, axis=0))

    def reasons(self, matrix: npt.NDArray[np.float32], most: int) -> list[str]:
        """For each row the features that raise its score most, as JSON: feature, value (null if absent), log_odds."""
        return self._word_all(matrix, self.contributions(matrix), most)

    def judge(self, matrix: npt.NDArray[np.float32], most: int) -> tuple[Floats, list[str]]:
        """`probabilities` and `reasons` at once, to the last bit; quicker for a few rows, which are laid out once."""
        data = xgb.DMatrix(matrix)
        each = [booster.predict(data, output_margin=True) for booster in self.boosters]
        each += [_log_odds(forest.predict(data, output_margin=True)) for forest in self.forests]
        each += [part.margins(matrix) for part in self.linear]
        probabilities = self.calibration.probabilities(np.mean(each, axis=0).astype(np.float64))
        return probabilities, self._word_all(matrix, self._contributions(matrix, data), most)

    def _word_all(self, matrix: npt.NDArray[np.float32], added: Floats, most: int) -> list[str]:
        return [self._word(row, own, most) for row, own in zip(matrix, added, strict=True)]

    def _word(self, row: Floats, added: Floats, most: int) -> str:
        largest = [place for place in np.argsort(-added, kind="stable")[:most] if added[place] > 0]
        return json.dumps(
            [
                {
                    "feature": self.features[place],
                    "value": None if np.isnan(row[place]) else float(row[place]),
                    "log_odds": round(float(added[place]), 4),
                }
                for place in largest
            ]
        )

    def save(self, folder: Path) -> None:
        """Write one UBJSON file a booster or forest, and model.json beside them."""
        folder.mkdir(parents=True, exist_ok=True)
        description = {
            "format": FORMAT,
            "features": self.features,
            "boosters": _save_trees(self.boosters, folder, "booster"),
            "forests": _save_trees(self.forests, folder, "forest"),
            "linear": [asdict(part) for part in self.linear],
            "calibration": asdict(self.calibration),
            "threshold": self.threshold,
        }
        (folder / DESCRIPTION_FILE).write_text(json.dumps(description, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Scorer":
        """Read what `save` wrote."""
        description = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        if description["format"] not in KNOWN_FORMATS:
            raise ValueError(
                f"{folder} holds a model of format {description['format']}; expected one of {KNOWN_FORMATS}"
            )
        return cls(
            features=tuple(description["features"]),
            boosters=_load_trees(folder, description["boosters"]),
            calibration=_read_calibration(description["calibration"]),
            threshold=float(description.get("threshold", NO_ALERTS)),
            forests=_load_trees(folder, description.get("forests", [])),
            linear=tuple(_read_linear(values) for values in description.get("linear", [])),
        )


def _log_odds(shares: Floats) -> Floats:
    kept = np.clip(shares.astype(np.float64), LEAST_SHARE, 1 - LEAST_SHARE)
    return np.asarray(np.log(kept / (1 - kept)))


def _stretch(votes: Floats) -> Floats:
    """Contributions to the share of votes, the bias last, to contributions to its log-odds."""
    added, mean = votes[:, :-1].astype(np.float64), votes[:, -1].astype(np.float64)
    moved = added.sum(axis=1)
    rise = _log_odds(mean + moved) - _log_odds(mean)
    still = np.abs(moved) < LEAST_SHARE
    stretch = np.where(still, 1 / np.clip(mean * (1 - mean), LEAST_SHARE, 1), rise / np.where(still, 1, moved))
    return np.asarray(added * stretch[:, np.newaxis])


def _save_trees(trees: tuple[xgb.Booster, ...], folder: Path, kind: str) -> list[str]:
    names = [f"{kind}-{number}.ubj" for number in range(len(trees))]
    for name, booster in zip(names, trees, strict=True):
        booster.save_model(folder / name)
    return names


def _load_trees(folder: Path, names: list[str]) -> tuple[xgb.Booster, ...]:
    return tuple(xgb.Booster(model_file=str(folder / Path(name).name)) for name in names)


def _read_calibration(values: Mapping[str, Any]) -> Calibration:
    return Calibration(tuple(values["margins"]), tuple(values["log_odds"]), float(values["slope"]))


def _read_linear(values: Mapping[str, Any]) -> Linear:
    each = {name: tuple(values[name]) for name in ("coefficients", "means", "scales", "absent")}
    return Linear(**each, intercept=float(values["intercept"]))


class FraudModel(PythonModel):
    """What MLflow serves: features in; calibrated probability of fraud, and whether it is worth a review, out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the parts and the calibration."""
        self.scorer = Scorer.load(Path(context.artifacts[ARTIFACT]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Columns `probability` and `is_alert`, and `reasons` where the parameter asks for some of them a row."""
        del context
        matrix = model_input[list(self.scorer.features)].to_numpy(dtype=np.float32)
        probabilities = self.scorer.probabilities(matrix)
        answer = {"probability": probabilities, "is_alert": probabilities >= self.scorer.threshold}
        most = int((params or {}).get(REASONS, 0))
        return pd.DataFrame(answer | ({REASONS: self.scorer.reasons(matrix, most)} if most else {}))


if not __package__:  # run by MLflow from a model's folder, not imported as a part of this project
    set_model(FraudModel())
