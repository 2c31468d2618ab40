"""A PostgreSQL server of one's own for the time of a measurement, from Debian's packages."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PACKAGED = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Server:
    """A server that commits to disk, as a real one does."""

    folder: Path
    port: int

    @property
    def variables(self) -> dict[str, str]:
        """What libpq finds it by."""
        named = {"HOST": "127.0.0.1", "PORT": str(self.port), "USER": "postgres", "DATABASE": "postgres"}
        return {f"PG{name}": value for name, value in (named | {"SSLMODE": "disable"}).items()}

    def start(self) -> None:
        """Start it, and wait until it answers."""
        listening = f"-h 127.0.0.1 -p {self.port} -k {self.folder}"
        self._run("pg_ctl", "start", "-w", "-D", self._data, "-l", str(self.folder / "log"), "-o", listening)

    def stop(self) -> None:
        """Stop it in order."""
        self._run("pg_ctl", "stop", "-w", "-m", "fast", "-D", self._data)

    def crash(self) -> None:
        """Stop it at once, as if its machine had lost power; the next start recovers from its log."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", self._data)

    def make(self) -> None:
        """Make its folder of data; it refuses to run as root, so root runs it as the user postgres."""
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._run("initdb", "-D", self._data, "-A", "trust", "-U", "postgres", "--no-sync")

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _run(self, name: str, *arguments: str) -> None:
        as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_postgres, str(find_binaries() / name), *arguments]
        subprocess.run(command, check=True, cwd=self.folder, stdout=subprocess.DEVNULL)


@contextmanager
def own_server(port: int) -> Iterator[Server]:
    """Run a server until the end. The path of its socket must be short."""
    server = Server(Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp")), port)
    try:
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(server.folder)


def find_binaries() -> Path:
    """Where Debian puts the newest server, else where the path finds one."""
    found = sorted(PACKAGED.glob("*/bin/pg_ctl"), key=lambda file: int(file.parts[-3]))
    on_path = shutil.which("pg_ctl")
    if not found and not on_path:
        raise SystemExit(
            "found no PostgreSQL; expected Debian's: apt-get install postgresql, or set PGHOST and the like"
        )
    return found[-1].parent if found else Path(str(on_path)).parent
