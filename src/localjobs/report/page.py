"""Writes the page of a run."""

from pathlib import Path

from localjobs.state.folders import page_file
from localjobs.state.records import Run


def write_page(run: Run, bundle_root: Path) -> Path:
    """Write the page and return its path."""
    page = page_file(bundle_root, run.run_id)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"<p>{run.run_id}</p>", encoding="utf-8")
    return page
