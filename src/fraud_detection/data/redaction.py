"""A landing file without some of its lines; every other line keeps its bytes. Knows nothing of Spark."""

import gzip
import os
from collections.abc import Set as AbstractSet
from io import BytesIO
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from fraud_detection.card_numbers import CardKeys
from fraud_detection.data.files import Format, find_format, read_hidden, unpack


def redact_file(
    path: Path, name: str, otherwise: Format, max_bytes: int, keys: CardKeys, unwanted: AbstractSet[str]
) -> tuple[int, int]:
    """Take lines out of a file, which appears whole or not at all and keeps its time.

    Args:
        name: that the file has in the tables.
        otherwise: the format of files whose name says none.
        unwanted: lines as bronze has them. They are found by their text: numbers of lines change with the first one.

    Returns:
        How many lines were taken out, and how many there were before.

    Raises:
        DataError: the file cannot be read.
    """
    content = path.read_bytes()
    lines = read_hidden(name, content, otherwise, max_bytes, keys)
    is_kept = [line not in unwanted for line in lines.raw]
    if not all(is_kept):
        is_packed = name.lower().endswith(".gz")
        plain = unpack(name, content, max_bytes) if is_packed else content
        is_parquet = find_format(name, otherwise) == "parquet"
        left = _rows(plain, is_kept) if is_parquet else _lines(plain, [True] * (lines.first - 1) + is_kept)
        _exchange(path, gzip.compress(left) if is_packed else left)
    return is_kept.count(False), len(is_kept)


def _rows(content: bytes, is_kept: list[bool]) -> bytes:
    rows = parquet.read_table(BytesIO(content))
    written = BytesIO()
    parquet.write_table(rows.filter(pa.array(is_kept)), written)
    return written.getvalue()


def _lines(content: bytes, is_kept: list[bool]) -> bytes:
    return b"".join(line for line, kept in zip(content.splitlines(keepends=True), is_kept, strict=True) if kept)


def _exchange(path: Path, content: bytes) -> None:
    """Its time stays, for the line that arrived last wins; a name with a dot in front is no file that arrived."""
    part, stat = path.with_name(f".{path.name}.part"), path.stat()
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.chmod(stat.st_mode)
    os.utime(part, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    part.replace(path)
