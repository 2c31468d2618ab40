"""The errors of localjobs.

LocalJobsError
├── BundleError           the bundle is refused; nothing has run
│   ├── SourceError       a file that is not readable YAML or JSON
│   └── UnsupportedError  valid on Databricks, but nothing here can do it
├── RunError              a run is unknown, or cannot do what is asked of it
├── TaskStartError        an attempt that cannot start: its cause is the message of the attempt
└── ServerError           a shared Spark server that cannot start, or has ended
"""


class LocalJobsError(Exception):
    """Whatever localjobs refuses, with a message that is meant for its user."""


class BundleError(LocalJobsError):
    """The bundle, or what was asked of it, is refused before anything runs."""


class SourceError(BundleError):
    """A file cannot be read as YAML or JSON."""


class UnsupportedError(BundleError):
    """A setting that Databricks knows and that cannot be honoured on this machine."""


class RunError(LocalJobsError):
    """A run does not exist, or is in no state for what is asked."""


class TaskStartError(LocalJobsError):
    """An attempt cannot start, for instance because a task value that it refers to was never set."""


class ServerError(LocalJobsError):
    """A Spark server that tasks share could not start, or has ended."""
