"""Which texts are like this one, while somebody waits: datasketch's index, in memory or in Redis."""

from collections.abc import Iterable, Mapping
from typing import Any

from datasketch import MinHashLSH

from curation.engine.errors import BadInput
from decontam.engine.dedupe.config import banding
from decontam.engine.signatures import Scheme, sign


class Lookup:
    """
    Texts by name. `storage` is datasketch's `storage_config`: none keeps the index in memory, and
    `{"type": "redis", "basename": b"…", "redis": {"host": …, "port": …}}` shares it among processes.

    An index in Redis must always be opened with the same scheme and threshold: give it a basename that says which.
    """

    def __init__(
        self, threshold: float = 0.8, scheme: Scheme | None = None, storage: Mapping[str, Any] | None = None
    ) -> None:
        self.scheme = scheme or Scheme()
        bands = banding(threshold, self.scheme.num_perm)
        config = dict(storage) if storage else None
        self._index = MinHashLSH(num_perm=self.scheme.num_perm, params=bands, storage_config=config)

    def add(self, texts: Mapping[str, str]) -> None:
        """Texts without words are left out: they are like nothing. BadInput for a name that is there already."""
        signed = sign(list(texts.values()), self.scheme)
        for row, name in enumerate(texts):
            if name in self._index:
                raise BadInput(f"{name} is in this index already; remove it first.")
            if signed.shingles[row]:
                self._index.insert(name, signed.minhash(row))

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self._index:
                self._index.remove(name)

    def find(self, text: str) -> list[str]:
        """Names of texts that may be this similar; `signatures.similarities` says how similar they are."""
        signed = sign([text], self.scheme)
        return sorted(self._index.query(signed.minhash(0))) if signed.shingles[0] else []
