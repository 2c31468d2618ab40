"""The limits of the gate; load them by `config.load_section`, which refuses unknown keys."""

from pydantic.dataclasses import dataclass

from fraud_detection.errors import ConfigurationError


@dataclass(frozen=True)
class GateSettings:
    """Limits for one test week of the reference problem's size.

    Lower limits lie below what one week of the plain 15 features gives (means .87, .68, .30), upper ones are the leak
    canaries, both with room for the spread of single weeks. A candidate may fall behind the champion by the margins.

    Attributes:
        min_frauds: fewer frauds than this allow no verdict, so the candidate is rejected.
        min_slice_auc: of every slice that has at least `min_slice_frauds` frauds.
        max_age_days: days between the end of training and the test week.
    """

    min_auc_roc: float = 0.80
    max_auc_roc: float = 0.93
    min_average_precision: float = 0.55
    max_average_precision: float = 0.85
    min_card_precision: float = 0.22
    max_card_precision: float = 0.37
    max_calibration_error: float = 0.005
    margin_auc_roc: float = 0.01
    margin_average_precision: float = 0.02
    margin_card_precision: float = 0.01
    min_frauds: int = 50
    min_slice_frauds: int = 20
    min_slice_auc: float = 0.6
    max_age_days: int = 30

    def __post_init__(self) -> None:
        """Refuse limits that nothing, or everything, can meet."""
        for name, least, most in self.limits():
            if not 0 <= least < most <= 1:
                raise ConfigurationError(
                    f"gate.min_{name} is {least} and gate.max_{name} is {most}; expected 0 <= min < max <= 1"
                )

    def limits(self) -> list[tuple[str, float, float]]:
        """Name, lower and upper limit of each ranking metric."""
        return [
            ("auc_roc", self.min_auc_roc, self.max_auc_roc),
            ("average_precision", self.min_average_precision, self.max_average_precision),
            ("card_precision", self.min_card_precision, self.max_card_precision),
        ]

    def margins(self) -> list[tuple[str, float]]:
        """By how much each metric may lie below the champion's."""
        return [
            ("auc_roc", self.margin_auc_roc),
            ("average_precision", self.margin_average_precision),
            ("card_precision", self.margin_card_precision),
        ]
