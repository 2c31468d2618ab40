"""Everything that the pipeline keeps on a laptop, in one archive, and back: tables, registry, ledger, checkpoints.

A backup may be made while a job writes: what is copied later never lacks what was copied earlier. Checkpoints come
first, for a stream that has noted too little does its last batch again, which its tables know; the log of a table comes
before its data files, so that each file that it names is there.
"""

import hashlib
import json
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final, cast

from fraud_detection.errors import DataError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
SHOWN: Final = 5
DATABASE: Final = ".db"
BESIDE_DATABASES: Final = ("-wal", "-shm", "-journal")


@dataclass(frozen=True)
class Manifest:
    """What an archive holds; it is written last, so an archive without one is not whole.

    Attributes:
        folder: that was saved; MLflow's addresses begin with it.
        files: SHA-256 by path.
    """

    format: int
    folder: str
    made_at: str
    files: dict[str, str]


def back_up(folder: Path, archive: Path) -> Iterator[Path]:
    """Write an archive of a folder, yielding each file that is in it; it appears whole or not at all.

    Raises:
        DataError: there is nothing to save, or the archive lies in the folder.
    """
    folder, archive = folder.resolve(), archive.resolve()
    files = sorted(_files_of(folder), key=_order)
    if not files:
        raise DataError(f"{folder} holds nothing; expected tables and a registry: run a job first")
    if archive.is_relative_to(folder):
        raise DataError(f"{archive} lies in the folder that it is to hold; expected a place outside of {folder}")
    archive.parent.mkdir(parents=True, exist_ok=True)
    part, hashes = archive.with_name(f"{archive.name}.part"), {}
    with TemporaryDirectory() as place, tarfile.open(part, "w") as tar:
        for file in files:
            name = file.relative_to(folder).as_posix()
            source = _copy_database(file, Path(place)) if file.suffix == DATABASE else file
            try:
                content = source.open("rb")
            except FileNotFoundError:  # a temporary file of a job that goes on, or one that VACUUM removed
                continue
            with content:
                read = _Hashed(content)
                tar.addfile(tar.gettarinfo(arcname=name, fileobj=content), cast("BinaryIO", read))
            hashes[name] = read.digest.hexdigest()
            yield file
        manifest = Path(place) / MANIFEST
        manifest.write_text(json.dumps(asdict(Manifest(FORMAT, str(folder), datetime.now(UTC).isoformat(), hashes))))
        tar.add(manifest, MANIFEST)
    part.replace(archive)


def read_manifest(archive: Path) -> Manifest:
    """What an archive says of itself.

    Raises:
        DataError: it is no backup, is not whole, or is of a later release.
    """
    try:
        with tarfile.open(archive) as tar:
            member = tar.extractfile(MANIFEST)
            values = json.load(member) if member else {}
    except (OSError, KeyError, tarfile.TarError, ValueError) as error:
        raise DataError(
            f"{archive} is no whole backup ({error}); expected one that `fraud-state backup` wrote"
        ) from error
    if values.get("format") != FORMAT:
        raise DataError(
            f"{archive} has the format {values.get('format')}; expected {FORMAT}: "
            "restore it with the release that wrote it"
        )
    return Manifest(**values)


def restore(archive: Path, folder: Path) -> Path | None:
    """Put the content of an archive in the place of a folder; what was there is kept beside it.

    The archive is unpacked and checked before anything is moved. Killed anywhere, calling it again completes it.

    Returns:
        Where the folder of before is now; None where there was none.

    Raises:
        DataError: the archive is damaged, or is of another folder.
    """
    folder, manifest = folder.resolve(), read_manifest(archive)
    if manifest.folder != str(folder):
        raise DataError(
            f"{archive} was made of {manifest.folder}; expected {folder}: MLflow's registry names its files by that "
            "folder, so restore it there"
        )
    unpacked = folder.with_name(f"{folder.name}.restoring")
    if unpacked.exists():
        shutil.rmtree(unpacked)
    with tarfile.open(archive) as tar:
        try:
            tar.extractall(unpacked, filter="data")
        except tarfile.FilterError as error:
            raise DataError(
                f"{archive} would write outside of its folder ({error}); expected a backup: don't use it"
            ) from error
    (unpacked / MANIFEST).unlink()
    found = {file.relative_to(unpacked).as_posix(): _hash(file) for file in _files_of(unpacked)}
    if found != manifest.files:
        different = sorted(dict(found.items() ^ manifest.files.items()))
        raise DataError(f"{', '.join(different[:SHOWN])} of {archive}: not what was saved; take another backup")
    before = folder.with_name(f"{folder.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    kept = folder.rename(before) if folder.exists() else None
    unpacked.rename(folder)
    return kept


class _Hashed:
    """A file that is hashed while it is read: what is hashed is what is saved, whoever writes to it meanwhile."""

    def __init__(self, file: BinaryIO) -> None:
        self.digest, self._file = hashlib.sha256(), file

    def read(self, size: int) -> bytes:
        content = self._file.read(size)
        self.digest.update(content)
        return content


def _files_of(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*"):
        if file.is_file() and not file.name.endswith(BESIDE_DATABASES):
            yield file


def _order(file: Path) -> tuple[int, str]:
    kinds = ["checkpoints" in file.parts, file.suffix == DATABASE, "_delta_log" in file.parts, True]
    return kinds.index(True), str(file)


def _copy_database(file: Path, place: Path) -> Path:
    """A copy of a database of SQLite at one moment, with what its log holds."""
    target = place / file.name
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return target


def _hash(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
