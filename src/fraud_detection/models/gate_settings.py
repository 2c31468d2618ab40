"""The limits of the gate; load them by `config.load_section`, which refuses unknown keys."""

from typing import Literal

from pydantic.dataclasses import dataclass

from fraud_detection.errors import ConfigurationError


@dataclass(frozen=True)
class GateSettings:
    """Limits for one test week.

    On the reference problem four weeks of the plain 15 features give on average .87 AUC, .69 average precision and .73
    of the possible card precision; a terminal risk that knows labels after 3 days instead of 7 gives .935, .807, .84,
    one that knows them at once .97, .90, .94. Single weeks spread around their mean by about .012, .03 and .03, so the
    limits lie three spreads away from an honest model. A candidate may fall behind the champion by the margins.

    Attributes:
        min_card_share: of the card precision that perfect scores would reach, so that it fits any number of cards.
        min_frauds: fewer frauds than this allow no verdict, so the candidate is rejected.
        margin_saving_share: by what share of the champion's saving a day the candidate's may lie below it.
        min_slice_auc: of every slice that has at least `min_slice_frauds` frauds, so of the worst one.
        margin_slice_auc: by how much the AUC of any such slice may lie below the champion's there.
        min_saving_a_day: in the money of the amounts; a model that never alerts saves nothing.
        max_score_shift: population stability index of the scores against the days that calibrated the model.
        max_latency_ms: median for one row, through MLflow.
        max_size_mib: of all files of the model; the registry of Databricks takes no more than 1 GB for serving.
        max_age_days: days between the end of training and the test week.
        replicates: draws of cards that intervals come from.
        confidence: of an interval. One that lies wholly below minus the tolerance proves a worse model, also within the
            margin. Training again by the same recipe moves average precision by about .002, so none is no tolerance.
        tolerance_average_precision: by what a lead in average precision may be proven negative.
        tolerance_saving_share: the same of the saving, as a share of the champion's.
        champion_must_score: false lets a candidate pass by the limits alone where the champion reads columns that are
            gone; for the first training after a feature was removed.
        passed_becomes: the alias of a version that passed.
    """

    min_auc_roc: float = 0.80
    max_auc_roc: float = 0.93
    min_average_precision: float = 0.55
    max_average_precision: float = 0.85
    min_card_share: float = 0.55
    max_card_share: float = 0.85
    max_calibration_error: float = 0.005
    margin_auc_roc: float = 0.01
    margin_average_precision: float = 0.02
    margin_card_share: float = 0.03
    margin_saving_share: float = 0.1
    margin_slice_auc: float = 0.1
    min_saving_a_day: float = 1.0
    max_score_shift: float = 0.25
    max_latency_ms: float = 250.0
    max_size_mib: float = 953.0
    min_frauds: int = 50
    min_slice_frauds: int = 20
    min_slice_auc: float = 0.6
    max_age_days: int = 30
    replicates: int = 400
    confidence: float = 0.95
    tolerance_average_precision: float = 0.005
    tolerance_saving_share: float = 0.02
    champion_must_score: bool = True
    passed_becomes: Literal["champion", "challenger"] = "champion"

    def __post_init__(self) -> None:
        """Refuse limits that nothing, or everything, can meet."""
        for name, least, most in self.limits():
            if not 0 <= least < most <= 1:
                raise ConfigurationError(
                    f"gate.min_{name} is {least} and gate.max_{name} is {most}; expected 0 <= min < max <= 1"
                )
        if not (self.replicates >= 1 and 0 < self.confidence < 1):
            raise ConfigurationError(
                f"gate.replicates is {self.replicates} and gate.confidence is {self.confidence}; "
                "expected a whole number from 1 and a share between 0 and 1"
            )

    def limits(self) -> list[tuple[str, float, float]]:
        """Name, lower and upper limit of each ranking metric."""
        return [
            ("auc_roc", self.min_auc_roc, self.max_auc_roc),
            ("average_precision", self.min_average_precision, self.max_average_precision),
            ("card_share", self.min_card_share, self.max_card_share),
        ]

    def margins(self) -> list[tuple[str, float]]:
        """By how much each metric may lie below the champion's."""
        return [
            ("auc_roc", self.margin_auc_roc),
            ("average_precision", self.margin_average_precision),
            ("card_share", self.margin_card_share),
        ]
