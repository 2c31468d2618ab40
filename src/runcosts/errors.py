"""Every error and warning that runcosts raises on purpose.

RuncostsError
├── PricesError      the price file cannot be used
│   └── NoPriceError it can, and lacks the price that was asked for
├── SettingsError    [tool.runcosts], a ledger's path or a table's name cannot be used
├── BundleError      the bundle cannot be read
├── BudgetError      a forecast passes its limit
└── LedgerError      a row could not be written

UnpricedWarning      an attempt has no estimate; its row says why
NoLedgerWarning      attempts are estimated but not kept
"""


class RuncostsError(Exception):
    """Base of all; a message says what was found, what was expected, and what to do."""


class PricesError(RuncostsError):
    """The price file is unreadable, incomplete or makes no sense."""


class NoPriceError(PricesError):
    """The price file has no entry for what was asked."""


class SettingsError(RuncostsError):
    """A setting, a ledger's path or a table's name cannot be used."""


class BundleError(RuncostsError):
    """A resolved bundle, or a part of it, cannot be read."""


class BudgetError(RuncostsError):
    """A forecast passes the limit that the owner of the budget set."""


class LedgerError(RuncostsError):
    """A row could not be written, however often it was tried."""


class UnpricedWarning(UserWarning):
    """An attempt has no estimate, because a price or the cluster's shape is not known."""


class NoLedgerWarning(UserWarning):
    """Attempts are estimated, but there is no ledger to keep the rows."""
