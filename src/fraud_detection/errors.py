"""Every error that the pipeline raises on purpose.

FraudDetectionError
├── ConfigurationError      a setting, parameter or identifier that cannot be used
├── DataError               input that breaks the contract as a whole (single rows go to quarantine)
│   └── LeakageError        a feature, a split or a result that knows what it could not have known
├── ModelError              a model that cannot be trained, loaded or compared
│   └── GateError           the gate could not decide; nothing is promoted
└── MachineError            the machine lacks something (Java, jars, a session)
    └── StoreError          the online store does not answer, or holds something else
"""


class FraudDetectionError(Exception):
    """Base of all; a message says what was found, what was expected, and what to do."""


class ConfigurationError(FraudDetectionError):
    """A setting, a parameter or an identifier that cannot be used."""


class DataError(FraudDetectionError):
    """Input that breaks the contract as a whole; single bad rows go to quarantine instead."""


class LeakageError(DataError):
    """Something knows what it could not have known at its time."""


class ModelError(FraudDetectionError):
    """A model that cannot be trained, loaded or compared."""


class GateError(ModelError):
    """The gate could not decide; nothing is promoted."""


class MachineError(FraudDetectionError):
    """The machine lacks something that the pipeline needs."""


class StoreError(MachineError):
    """The online store does not answer, or holds what other features were computed from."""
