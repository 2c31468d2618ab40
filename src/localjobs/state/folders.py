"""Where the state of a bundle's runs lies."""

from pathlib import Path


def state_folder(bundle_root: Path) -> Path:
    """The folder of everything that localjobs keeps for a bundle."""
    return bundle_root / ".databricks" / "localjobs"


def database(bundle_root: Path) -> Path:
    """The SQLite file of all runs."""
    return state_folder(bundle_root) / "state.db"


def run_folder(bundle_root: Path, run_id: int) -> Path:
    """The folder of one run."""
    return state_folder(bundle_root) / "runs" / str(run_id)


def attempt_folder(bundle_root: Path, run_id: int, task_key: str, number: int) -> Path:
    """The folder of one attempt: its context, its result, its log."""
    return run_folder(bundle_root, run_id) / task_key / str(number)


def log_file(bundle_root: Path, run_id: int, task_key: str, number: int) -> Path:
    """Everything that the attempt printed."""
    return attempt_folder(bundle_root, run_id, task_key, number) / "output.log"


def compute_log(bundle_root: Path, run_id: int, compute_key: str) -> Path:
    """Everything that the shared server of one of the run's clusters printed."""
    return run_folder(bundle_root, run_id) / f"compute-{compute_key}.log"


def page_file(bundle_root: Path, run_id: int) -> Path:
    """The HTML page of one run."""
    return run_folder(bundle_root, run_id) / "run.html"
