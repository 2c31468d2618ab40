import io
import json
import shutil
import sqlite3
import tarfile
import threading
from contextlib import closing

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from fraud_detection.backup import FORMAT, MANIFEST, back_up, read_manifest, restore
from fraud_detection.errors import DataError
from fraud_detection.tasks.state_cli import app

ROWS = pl.DataFrame({"id": [1, 2, 3]})


@pytest.fixture
def folder(tmp_path):
    """A table, a database whose last rows are in its log only, a checkpoint."""
    folder = tmp_path / "local"
    write_deltalake(str(folder / "warehouse" / "fraud" / "cards"), ROWS)
    (folder / "checkpoints" / "cards" / "commits").mkdir(parents=True)
    (folder / "checkpoints" / "cards" / "commits" / "0").write_text("v1")
    with closing(sqlite3.connect(folder / "mlflow.db", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute("CREATE TABLE versions (version INTEGER)")
        database.execute("INSERT INTO versions VALUES (7)")
        yield folder


def read(folder):
    cards = pl.read_delta(str(folder / "warehouse" / "fraud" / "cards")).sort("id")
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        versions = database.execute("SELECT version FROM versions").fetchall()
    return cards, versions, (folder / "checkpoints" / "cards" / "commits" / "0").read_text()


def save(folder, archive):
    assert list(back_up(folder, archive))
    return archive


def test_what_was_saved_comes_back_and_what_was_there_is_kept(folder, tmp_path):
    archive = save(folder, tmp_path / "saved.tar")
    write_deltalake(str(folder / "warehouse" / "fraud" / "cards"), ROWS, mode="append")
    (folder / "mlflow.db").unlink()
    kept = restore(archive, folder)
    cards, versions, noted = read(folder)
    assert_frame_equal(cards, ROWS)
    assert (versions, noted) == ([(7,)], "v1")
    assert pl.read_delta(str(kept / "warehouse" / "fraud" / "cards")).height == 2 * ROWS.height
    assert not archive.with_name("saved.tar.part").exists()


def test_a_machine_that_lost_everything_gets_it_back(folder, tmp_path):
    archive = save(folder, tmp_path / "saved.tar")
    shutil.rmtree(folder)
    assert restore(archive, folder) is None
    assert read(folder)[1] == [(7,)]


def test_a_table_that_is_written_meanwhile_is_whole_at_some_version(folder, tmp_path):
    table, done = str(folder / "warehouse" / "fraud" / "cards"), threading.Event()

    def write():
        while not done.is_set():
            write_deltalake(table, ROWS, mode="append")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while DeltaTable(table).version() < 3:  # it is under way
            pass
        archive = save(folder, tmp_path / "saved.tar")
    finally:
        done.set()
        writer.join()
    last = DeltaTable(table).version()
    restore(archive, folder)
    found = DeltaTable(table).version()
    assert 3 <= found <= last
    assert pl.read_delta(table).height == (found + 1) * ROWS.height


def test_restoring_that_was_killed_between_its_two_moves_is_completed(folder, tmp_path):
    archive = save(folder, tmp_path / "saved.tar")
    folder.rename(tmp_path / "local.before-1")
    (tmp_path / "local.restoring").mkdir()
    (tmp_path / "local.restoring" / "half").touch()
    assert restore(archive, folder) is None
    assert read(folder)[1] == [(7,)]
    assert not (folder / "half").exists()


def truncate(archive):
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])


def damage(archive):
    content = archive.read_bytes()
    assert content.count(b"v1") >= 1
    archive.write_bytes(content.replace(b"v1", b"v2", 1))


def replace_manifest(set=None, add=()):  # noqa: A002  it reads well
    def change(archive):
        with tarfile.open(archive) as tar:
            names = [name for name in tar.getnames() if name != MANIFEST]
            content = {name: tar.extractfile(name).read() for name in names}
            manifest = json.loads(tar.extractfile(MANIFEST).read())
        manifest |= set or {}
        content |= dict.fromkeys(add, b"evil")
        content[MANIFEST] = json.dumps(manifest).encode()
        with tarfile.open(archive, "w") as tar:
            for name, data in content.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))

    return change


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (truncate, "no whole backup"),
        (damage, "not what was saved"),
        (lambda archive: archive.unlink(), "no whole backup"),
        (lambda archive: archive.write_text("text"), "no whole backup"),
        (replace_manifest(set={"format": FORMAT + 1}), "the release that wrote it"),
        (replace_manifest(set={"folder": "/elsewhere"}), "restore it there"),
        (replace_manifest(add=["../evil"]), "outside of its folder"),
        (replace_manifest(add=["/evil"]), "not what was saved"),
    ],
)
def test_what_is_no_whole_backup_of_this_folder_moves_nothing(folder, tmp_path, change, complaint):
    archive = save(folder, tmp_path / "saved.tar")
    change(archive)
    with pytest.raises(DataError, match=complaint):
        restore(archive, folder)
    assert read(folder)[1] == [(7,)]
    assert not (tmp_path / "evil").exists()
    assert not list(tmp_path.glob("local.before*"))


def test_there_must_be_something_to_save_and_a_place_outside_of_it(folder, tmp_path):
    with pytest.raises(DataError, match="holds nothing"):
        list(back_up(tmp_path / "nowhere", tmp_path / "saved.tar"))
    with pytest.raises(DataError, match="expected a place outside"):
        list(back_up(folder, folder / "saved.tar"))


def test_the_commands_save_and_bring_back(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("FRAUD_LOCAL_FOLDER", str(folder))
    archive = tmp_path / "saved.tar"
    saved = CliRunner().invoke(app, ["backup", str(archive)])
    assert saved.exit_code == 0
    assert f"{len(read_manifest(archive).files)} files" in saved.output
    (folder / "mlflow.db").unlink()
    restored = CliRunner().invoke(app, ["restore", str(archive)])
    assert restored.exit_code == 0
    assert "local.before-" in restored.output
    assert read(folder)[1] == [(7,)]
    archive.write_text("text")
    refused = CliRunner().invoke(app, ["restore", str(archive)])
    assert refused.exit_code == 2
    assert "no whole backup" in refused.output
