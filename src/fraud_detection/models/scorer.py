"""The model as it is stored, loaded and served: boosters and calibration, as numbers in open formats.

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
FORMAT = 1
REASONS = "reasons"
NO_ALERTS = 2.0  # above every probability


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
class Scorer:
    """Boosters whose margins are averaged, the features that they read, in order, and the calibration.

    Attributes:
        threshold: probability from which on a transaction is worth a review.
    """

    features: tuple[str, ...]
    boosters: tuple[xgb.Booster, ...]
    calibration: Calibration
    threshold: float = NO_ALERTS

    def margins(self, matrix: npt.NDArray[np.float32]) -> Floats:
        """Mean log-odds of the boosters, not calibrated; the matrix holds the features in order, NaN where absent."""
        return np.mean([booster.inplace_predict(matrix, predict_type="margin") for booster in self.boosters], axis=0)

    def probabilities(self, matrix: npt.NDArray[np.float32]) -> Floats:
        """Calibrated probability of fraud, one a row of the matrix."""
        return self.calibration.probabilities(self.margins(matrix).astype(np.float64))

    def contributions(self, matrix: npt.NDArray[np.float32]) -> Floats:
        """What each feature adds to the margin of each row (exact TreeSHAP; Lundberg et al., 2018), by row and feature.

        With the boosters' mean bias a row's contributions sum to its margin, so they are log-odds before calibration.
        """
        data = xgb.DMatrix(matrix)
        each = [booster.predict(data, pred_contribs=True)[:, :-1] for booster in self.boosters]
        return np.asarray(np.mean(each, axis=0))

    def reasons(self, matrix: npt.NDArray[np.float32], most: int) -> list[str]:
        """For each row the features that raise its score most, as JSON: feature, value (null if absent), log_odds."""
        return [self._word(row, added, most) for row, added in zip(matrix, self.contributions(matrix), strict=True)]

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
        """Write one UBJSON file a booster, and model.json beside them."""
        folder.mkdir(parents=True, exist_ok=True)
        names = [f"booster-{number}.ubj" for number in range(len(self.boosters))]
        for name, booster in zip(names, self.boosters, strict=True):
            booster.save_model(folder / name)
        description = {
            "format": FORMAT,
            "features": self.features,
            "boosters": names,
            "calibration": asdict(self.calibration),
            "threshold": self.threshold,
        }
        (folder / DESCRIPTION_FILE).write_text(json.dumps(description, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Scorer":
        """Read what `save` wrote."""
        description = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        if description["format"] != FORMAT:
            raise ValueError(f"{folder} holds a model of format {description['format']}; expected {FORMAT}")
        return cls(
            features=tuple(description["features"]),
            boosters=tuple(xgb.Booster(model_file=str(folder / Path(name).name)) for name in description["boosters"]),
            calibration=_read_calibration(description["calibration"]),
            threshold=float(description.get("threshold", NO_ALERTS)),
        )


def _read_calibration(values: Mapping[str, Any]) -> Calibration:
    return Calibration(tuple(values["margins"]), tuple(values["log_odds"]), float(values["slope"]))


class FraudModel(PythonModel):
    """What MLflow serves: features in; calibrated probability of fraud, and whether it is worth a review, out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the boosters and the calibration."""
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
