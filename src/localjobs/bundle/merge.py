"""How parts of a bundle are laid over one another."""

from typing import Any

from localjobs.bundle.source import place_of
from localjobs.errors import BundleError

KEYED_LISTS = {
    "tasks": "task_key",
    "job_clusters": "job_cluster_key",
    "parameters": "name",
    "environments": "environment_key",
}
"""Lists of a job whose entries are merged when this key is equal; all other lists are concatenated."""

Path = tuple[str | int, ...]


def merge(base: Any, over: Any, path: Path = ()) -> Any:
    """Lay `over` on `base`: maps deeply, lists one after the other; null never deletes, a clash of types is refused."""
    if over is None or base is None:
        return base if over is None else over
    if isinstance(base, dict) and isinstance(over, dict):
        return _merge_maps(base, over, path)
    if isinstance(base, list) and isinstance(over, list):
        return [*base, *over]
    if _kind(base) != _kind(over):
        where = ".".join(str(step) for step in path)
        raise BundleError(f"{where}: cannot merge {_kind(over)} {over!r} over {_kind(base)} {base!r}")
    return over


def _merge_maps(base: dict[str, Any], over: dict[str, Any], path: Path) -> dict[str, Any]:
    spelled = {key: key for key in over}  # the overriding key knows the line that counts
    return {spelled.get(key, key): merge(base.get(key), over.get(key), (*path, key)) for key in base | over}


def _kind(value: Any) -> str:
    names = {dict: "map", list: "list", bool: "boolean", int: "number", float: "number"}
    return names.get(type(value), "string")


def refuse_duplicates(tree: Any) -> None:
    """Refuse two entries of one list, in one file, that have the same key: merging would hide one of them."""
    for kind, jobs in ((tree or {}).get("resources") or {}).items():
        for job_key, job in (jobs or {}).items() if kind == "jobs" else ():
            for name, key in KEYED_LISTS.items():
                _refuse_duplicates_of(job_key, name, key, (job or {}).get(name) or [])


def _refuse_duplicates_of(job_key: str, name: str, key: str, entries: Any) -> None:
    seen: set[str] = set()
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        value = entry.get(key) if isinstance(entry, dict) else None
        if value in seen:
            place = place_of(entries, (index, key))
            raise BundleError(f"{place}: job {job_key}: {name} has two entries with {key} {value!r}")
        seen |= {value} if value is not None else set()


def merge_keyed_lists(job: dict[str, Any]) -> dict[str, Any]:
    """Merge the entries of a job's lists that have the same key; tasks come out sorted by theirs, as the CLI does."""
    merged = {
        name: _merge_entries(job[name], key) for name, key in KEYED_LISTS.items() if isinstance(job.get(name), list)
    }
    if "tasks" in merged:
        merged["tasks"] = sorted(merged["tasks"], key=lambda task: str(task.get("task_key", "")))
    return {name: merged.get(name, value) for name, value in job.items()}


def _merge_entries(entries: list[Any], key: str) -> list[Any]:
    by_key: dict[Any, Any] = {}
    for index, entry in enumerate(entries):
        identity = entry.get(key, index) if isinstance(entry, dict) else index
        by_key[identity] = merge(by_key.get(identity), entry)
    return list(by_key.values())
