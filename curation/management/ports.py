import socket


def free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def taken_sentence(host: str, port: int) -> str:
    return f"{host}:{port} is taken; stop what listens there or choose another port with --port."
