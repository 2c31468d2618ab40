"""A PostgreSQL server of one's own for the time of a measurement, from Debian's packages."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGED = Path("/usr/lib/postgresql")


@contextmanager
def own_server(port: int) -> Iterator[dict[str, str]]:
    """Run a server that commits to disk, as a real one does; gives libpq's variables for it.

    The server refuses to run as root, so root runs it as the user postgres. The path of its socket must be short.
    """
    binaries, folder = find_binaries(), Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_postgres:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)

    def run(name: str, *arguments: str) -> None:
        command = [*as_postgres, str(binaries / name), *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)

    data = str(folder / "data")
    try:
        run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync")
        listening = f"-h 127.0.0.1 -p {port} -k {folder}"
        run("pg_ctl", "start", "-w", "-D", data, "-l", str(folder / "log"), "-o", listening)
        try:
            named = {"HOST": "127.0.0.1", "PORT": str(port), "USER": "postgres", "DATABASE": "postgres"}
            yield {f"PG{name}": value for name, value in (named | {"SSLMODE": "disable"}).items()}
        finally:
            run("pg_ctl", "stop", "-w", "-m", "fast", "-D", data)
    finally:
        shutil.rmtree(folder)


def find_binaries() -> Path:
    """Where Debian puts the newest server, else where the path finds one."""
    found = sorted(PACKAGED.glob("*/bin/pg_ctl"), key=lambda file: int(file.parts[-3]))
    on_path = shutil.which("pg_ctl")
    if not found and not on_path:
        raise SystemExit(
            "found no PostgreSQL; expected Debian's: apt-get install postgresql, or set PGHOST and the like"
        )
    return found[-1].parent if found else Path(str(on_path)).parent
