"""Ports and child processes, as `up` needs them."""

import ctypes
import signal
import socket
import sys

PR_SET_PDEATHSIG = 1


def free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def answers(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def taken_sentence(host: str, port: int) -> str:
    return (
        f"{host}:{port} is taken, or is no address of this machine; stop what listens there, "
        "or choose others with --host and --port."
    )


def end_with_parent() -> None:
    """In a child, before it starts: on Linux the kernel ends it when its parent is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
