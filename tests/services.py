"""
Real PostgreSQL, Redis, Chromium and nginx for tests: `install` puts them on the machine, `run COMMAND …` starts the
first two on free ports, runs the command with WINNOW_DATABASE_URL and WINNOW_BROKER_URL set, and stops them.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {
    "redis-server": ["redis-server"],
    "postgres": ["postgresql"],
    "chromium": ["chromium", "fonts-noto-core"],
    "nginx": ["nginx-light"],
}


def find(program: str) -> str | None:
    """A program on the path, or among Debian's versioned PostgreSQL folders."""
    versioned = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    system = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return system or (str(versioned[-1]) if versioned else None)


def install() -> None:
    missing = [package for program, packages in PACKAGES.items() if not find(program) for package in packages]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(
            f"Tests against real services need {' and '.join(missing)}: install them and run this again."
        )
    print(f"Installing Debian packages for tests: {' '.join(missing)}", flush=True)
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=quiet, stdout=subprocess.DEVNULL)
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    subprocess.run(command, check=True, env=quiet, stdout=subprocess.DEVNULL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    port = free_port()
    command = [
        find("redis-server"),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        str(folder),
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """PostgreSQL refuses to run as root, so as root it runs as the user `postgres`."""
    port, data = free_port(), folder / "postgres"
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    data.mkdir()
    if prefix:
        shutil.chown(folder, "postgres")
        shutil.chown(data, "postgres")
    init = [
        "-D",
        str(data),
        "--username=winnow",
        "--auth=trust",
        "--no-sync",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
    ]
    subprocess.run([*prefix, find("initdb"), *init], check=True, stdout=subprocess.DEVNULL)
    options = [
        "-p",
        str(port),
        "-h",
        "127.0.0.1",
        "-k",
        str(data),
        "-c",
        "fsync=off",
        "-c",
        "max_connections=200",
    ]
    server = subprocess.Popen(
        [*prefix, find("postgres"), "-D", str(data), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port)
        yield f"postgresql://winnow@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def nginx(folder: Path, server: str) -> Iterator[str]:
    """nginx with one server of that configuration, as whoever runs this: its address."""
    port, config = free_port(), folder / "nginx.conf"
    places = [
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    ]
    config.write_text(
        f"""daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx-errors;
{"user root;" if os.geteuid() == 0 else ""}
events {{ worker_connections 1024; }}
http {{ access_log off; sendfile on; {" ".join(places)}
server {{ listen 127.0.0.1:{port}; {server} }} }}"""
    )
    program = subprocess.Popen([find("nginx"), "-c", str(config), "-e", f"{folder}/nginx-errors"])
    try:
        _wait(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        program.terminate()
        program.wait()


def _wait(port: int, seconds: float = 30) -> None:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit(f"Nothing answered on port {port} within {seconds:.0f} s")


@contextmanager
def serving(
    folder: Path, home: Path, **environment: str
) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    """`manage.py up` with one worker: its process, its address, and the file with what it says, once it is there."""
    port, said = free_port(), folder / "said"
    own = os.environ | {"WINNOW_HOME": str(home), "PYTHONUNBUFFERED": "1"} | environment
    command = [sys.executable, "manage.py", "up", "--port", str(port), "--workers", "1"]
    with said.open("w") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=own, stdout=out, stderr=subprocess.STDOUT)
    try:
        limit = time.monotonic() + 90
        while "Winnow is at" not in said.read_text():
            assert process.poll() is None and time.monotonic() < limit, said.read_text()
            time.sleep(0.2)
        yield process, f"http://127.0.0.1:{port}", said
    finally:
        process.terminate()
        process.wait(timeout=30)


def run(command: list[str]) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with redis(folder) as broker, postgres(folder) as database:
            services = {"WINNOW_BROKER_URL": broker, "WINNOW_DATABASE_URL": database}
            return subprocess.run(command, env=os.environ | services).returncode


if __name__ == "__main__":
    if sys.argv[1:2] == ["install"]:
        install()
    elif sys.argv[1:2] == ["run"] and sys.argv[2:]:
        sys.exit(run(sys.argv[2:]))
    else:
        sys.exit(__doc__)
