"""Settings of monitoring: the section `monitoring`."""

from pydantic.dataclasses import dataclass

from fraud_detection.errors import ConfigurationError


@dataclass(frozen=True)
class MonitoringSettings:
    """When to call people, and when to train again; benchmarks/monitoring.py says how often these limits are wrong.

    Attributes:
        window_days: days that are compared with the training data at once; whole weeks, for weekdays differ.
        max_psi: population stability index of a feature or of the score above which it has drifted.
        broken_psi: of one day, beyond what single days of the training had: no population moves that far in a day, so
            look for a broken column, do not learn from it.
        max_missing: by how much the share of absent values of a feature may exceed the training data's on one day.
        max_outside: share of the values of one day that may lie outside of what training saw.
        volume_factor: a day with that many times more or fewer transactions than its weekday had is no usual one.
        min_labelled: share of the transactions of the matured week that must have a label by now.
        max_precision_drop: by how much average precision of the matured week may lie below the gate's figure.
        max_calibration_error: of the matured week.
        min_saving_share: of the saving a day that the gate saw.
        min_frauds: with fewer frauds in the matured week its figures are luck, and nothing follows from them.
        cool_down_days: after training was started, this long no drift starts it again.
    """

    window_days: int = 7
    max_psi: float = 0.2
    broken_psi: float = 4.0
    max_missing: float = 0.05
    max_outside: float = 0.05
    volume_factor: float = 1.5
    min_labelled: float = 0.9
    max_precision_drop: float = 0.12
    max_calibration_error: float = 0.01
    min_saving_share: float = 0.5
    min_frauds: int = 30
    cool_down_days: int = 14

    def __post_init__(self) -> None:
        """Refuse limits that make no sense."""
        if self.window_days <= 0 or self.window_days % 7:
            raise ConfigurationError(f"monitoring.window_days is {self.window_days}; expected 7, 14 or more weeks")
        if not 0 < self.max_psi < self.broken_psi:
            raise ConfigurationError(
                f"monitoring.max_psi is {self.max_psi} and broken_psi {self.broken_psi}; expected 0 < max < broken"
            )
        if self.volume_factor <= 1 or self.cool_down_days < 1:
            raise ConfigurationError(
                f"monitoring.volume_factor is {self.volume_factor} and cool_down_days {self.cool_down_days}; "
                "expected a factor above 1 and at least a day"
            )
