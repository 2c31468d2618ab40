"""One landing file to numbered lines: text as it stands, a row of Parquet as JSON. Knows nothing of Spark.

Spark's own readers would need one schema for all Parquet files, refuse timestamps in nanoseconds, replace what is no
UTF-8 in silence, and number no lines.
"""

import codecs
import gzip
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import PurePosixPath
from typing import Literal

import polars as pl
from polars.exceptions import PolarsError
from pyarrow import ArrowException, RecordBatch
from pyarrow.parquet import ParquetFile

from fraud_detection.card_numbers import CANDIDATE, CardKeys, holds_card_number
from fraud_detection.errors import ConfigurationError, DataError

Format = Literal["json", "csv", "parquet"]
EXTENSIONS: dict[str, Format] = {
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".csv": "csv",
    ".parquet": "parquet",
}
ROWS_AT_A_TIME = 65_536
BYTE_ORDER_MARK = "\ufeff"
NOT_UTF8 = "\ufffd"
"""Stands before every byte that is no UTF-8; the byte follows as <hex>, so that nothing of it is lost."""


@dataclass(frozen=True)
class Lines:
    """The lines of a file; the first has the number `first`. A header is line 1 and none of them."""

    raw: list[str]
    first: int = 1
    header: str | None = None


def find_format(name: str, otherwise: Format) -> Format:
    """The format that a file's extension says, .gz left aside; `otherwise` where it says none."""
    path = PurePosixPath(name.lower())
    return EXTENSIONS.get((path.with_suffix("") if path.suffix == ".gz" else path).suffix, otherwise)


def read_lines(name: str, content: bytes, kind: Format, max_bytes: int) -> Lines:
    """All lines of a file, unpacked if its name ends in .gz.

    Raises:
        DataError: the file is larger than max_bytes, packed or not, is cut off, or is no Parquet file; names the file.
    """
    _refuse_large(name, len(content), max_bytes)
    plain = unpack(name, content, max_bytes) if name.lower().endswith(".gz") else content
    if kind == "parquet":
        return Lines(_rows_as_json(name, plain, max_bytes))
    lines = _split(as_text(plain))
    if kind == "csv":
        return Lines(lines[1:], first=2, header=lines[0] if lines else None)
    return Lines(lines)


def read_hidden(name: str, content: bytes, otherwise: Format, max_bytes: int, keys: CardKeys) -> Lines:
    """`read_lines` in the format of the file's name, else `otherwise`, with a token for each card number.

    Raises:
        DataError: as of `read_lines` and `hide_card_numbers`.
    """
    kind = find_format(name, otherwise)
    return hide_card_numbers(name, read_lines(name, content, kind, max_bytes), kind, keys)


def hide_card_numbers(name: str, lines: Lines, kind: Format, keys: CardKeys) -> Lines:
    """The same lines with a token for each card number.

    Raises:
        DataError: there is a card number and no key, or one in the name of the file; names the file and the line.
    """
    refuse_card_number(name)
    raw = hide_in_texts(lines.raw, keys, lambda place: f"{name}: line {lines.first + place}", is_json=kind != "csv")
    header = hide_in_texts([lines.header], keys, lambda _: f"{name}: line 1") if lines.header else [lines.header]
    return replace(lines, raw=raw, header=header[0])


def refuse_card_number(name: str) -> None:
    """Let no number in by a name, which is kept with each line.

    Raises:
        DataError: there is a card number in it.
    """
    if holds_card_number(name):
        raise DataError(
            f"a file of {name.split('/', maxsplit=1)[0]} has a card number in its name; expected a name without, for "
            "names are kept: deliver it under another"
        )


def hide_in_texts(
    texts: Sequence[str], keys: CardKeys, told: Callable[[int], str], *, is_json: bool = False
) -> list[str]:
    """Texts with tokens in place of card numbers; `told` says where the text of a position stands.

    Raises:
        DataError: there is a card number and no key.
    """
    hidden = list(texts)
    for place in pl.Series(hidden, dtype=pl.String).str.contains(CANDIDATE).arg_true().to_list():
        try:
            hidden[place] = keys.tokenise(hidden[place], is_json=is_json)
        except ConfigurationError as error:
            raise DataError(f"{told(place)} holds {error}") from error
    return hidden


def _refuse_large(name: str, size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise DataError(
            f"{name} has {size} bytes or more; expected at most {max_bytes}: split it, or raise data.max_file_bytes"
        )


def unpack(name: str, content: bytes, max_bytes: int) -> bytes:
    """The content of a gzip file.

    Raises:
        DataError: it is larger than max_bytes, or cut off.
    """
    try:
        plain = gzip.GzipFile(fileobj=BytesIO(content)).read(max_bytes + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{name} is no whole gzip file: {error}; deliver it again, whole") from error
    _refuse_large(name, len(plain), max_bytes)
    return plain


def as_text(content: bytes) -> str:
    """UTF-8 as text, without a byte-order mark; a byte that is none is kept behind a mark."""
    return content.decode("utf-8", errors="fraud_detection.keep_bytes").removeprefix(BYTE_ORDER_MARK)


def _split(text: str) -> list[str]:
    """Ends of lines (LF, CRLF or CR) are no content; after the last end there is no line."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    kept = "".join(f"{NOT_UTF8}<{byte:02x}>" for byte in error.object[error.start : error.end])
    return kept, error.end


codecs.register_error("fraud_detection.keep_bytes", _keep_bytes)


def _rows_as_json(name: str, content: bytes, max_bytes: int) -> list[str]:
    """Each row as a JSON object. Numbers that JSON cannot hold exactly, and times, are written as text.

    Some rows at a time, so that a small file that holds very many equal ones stops at the limit, not at the memory.
    """
    lines: list[str] = []
    size = 0
    try:
        for batch in ParquetFile(BytesIO(content)).iter_batches(ROWS_AT_A_TIME):
            batch.validate(full=True)  # Polars takes for granted that text, and notes in the schema, are UTF-8
            if batch.schema.names:
                plain = RecordBatch.from_arrays(batch.columns, names=batch.schema.names)
                texts = _as_json(pl.DataFrame(plain))
                size += int(texts.str.len_bytes().sum())
                _refuse_large(name, size, max_bytes)
                lines += texts.to_list()
    except (ArrowException, OSError, PolarsError, UnicodeDecodeError) as error:
        raise DataError(f"{name} cannot be read as Parquet: {error}; deliver it again, whole") from error
    return lines


def _as_json(rows: pl.DataFrame) -> pl.Series:
    texts = rows.select(_as_text(column, kind) for column, kind in rows.schema.items())
    return texts.select(pl.struct(pl.all()).struct.json_encode()).to_series()


def _as_text(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(kind, pl.Datetime) and kind.time_zone is not None:
        return column.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
    if isinstance(kind, pl.Datetime):
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
    if kind == pl.Binary:
        return column.bin.encode("hex")
    return column if kind.is_nested() or kind.is_integer() or kind == pl.Boolean else column.cast(pl.String)
