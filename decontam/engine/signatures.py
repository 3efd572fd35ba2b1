"""
MinHash signatures of texts, as datasketch makes them of the same shingles, a hundred times as fast.

    scheme = Scheme()
    signed = sign(texts, scheme)
    signed.minhash(0).jaccard(signed.minhash(1))

Signatures made with other parameters look alike and compare to nonsense, so each set of them carries its `Scheme`.
"""

from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import datasketch
import numpy as np
import orjson
import pyarrow as pa
from datasketch import MinHash

from curation.engine.configs import load
from curation.engine.errors import BadConfig, BadInput
from curation.engine.text.jit import Array
from curation.engine.text.minhash import EMPTY, compare_texts, scratch_for, sign_texts, table_for
from curation.engine.text.ngrams import MULTIPLIER
from curation.engine.text.words import code_points
from decontam.engine.texts import as_chunks, buffers

Texts: TypeAlias = Any  # list of str or None, or a pyarrow array of text
KEY = b"winnow.minhash"  # where a Parquet file keeps the scheme of its signatures
AFFINE = "affine32"


@dataclass(frozen=True, slots=True)
class Scheme:
    """All that two signatures must have in common. `shingle` is in words; `version` is datasketch's."""

    shingle: int = 5
    num_perm: int = 128
    seed: int = 1
    scheme: str = AFFINE
    lib: str = "datasketch"
    version: str = datasketch.__version__

    def __post_init__(self) -> None:
        for name, lowest, highest in (("shingle", 1, 100), ("num_perm", 16, 4096), ("seed", 0, 2**32 - 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
                raise BadConfig(f"{name} must be a whole number from {lowest} to {highest}, not {value!r}")
        if self.scheme != AFFINE:
            raise BadConfig(f"Signatures are made by the scheme {AFFINE} of datasketch, not {self.scheme!r}.")

    def permutations(self) -> tuple[Array, Array]:
        """uint32 factors and terms, as datasketch draws them."""
        factors, terms = MinHash(self.num_perm, self.seed, scheme=AFFINE).permutations
        return np.ascontiguousarray(factors), np.ascontiguousarray(terms)

    def dump(self) -> dict[bytes, bytes]:
        """As metadata of a schema."""
        return {KEY: orjson.dumps(asdict(self))}

    def require_same(self, metadata: Any) -> None:
        """Refuse signatures that were made with other parameters, or that do not say with which."""
        if not metadata or KEY not in metadata:
            raise BadInput("These signatures do not say how they were made; sign the texts again.")
        if (other := load(Scheme, orjson.loads(metadata[KEY]))) != self:
            mine, others = asdict(self), asdict(other)
            told = ", ".join(
                f"{key} {others[key]!r} not {mine[key]!r}" for key in mine if mine[key] != others[key]
            )
            raise BadInput(f"These signatures cannot be compared with those: {told}. Sign the texts again.")


@dataclass(frozen=True, slots=True, eq=False)
class Signatures:
    """
    `values` is uint32[texts, num_perm], `shingles` int64[texts]: how many shingles each text has (with repetitions).

    A text without a word has no shingle and no signature: whoever groups by signature leaves it out.
    """

    scheme: Scheme
    values: Array
    shingles: Array

    def minhash(self, row: int) -> MinHash:
        """The signature of one text as datasketch has it. BadInput when the text has no word."""
        if not self.shingles[row]:
            raise BadInput(f"Text {row} has no words, so it has no signature.")
        return MinHash(seed=self.scheme.seed, hashvalues=self.values[row], scheme=AFFINE)


def sign(texts: Texts, scheme: Scheme) -> Signatures:
    """Signatures of texts, in order; None counts as an empty text. BadInput for what is not text."""
    parts = [buffers(chunk) for chunk in as_chunks(texts)]
    rows = [len(at) - 1 for _, at in parts]
    values = np.full((sum(rows), scheme.num_perm), EMPTY, np.uint32)
    shingles, scratch, first = np.zeros(sum(rows), np.int64), scratch_for(longest(parts)), 0
    drawn = scheme.permutations()
    for (data, at), count in zip(parts, rows, strict=True):
        out = slice(first, first + count)
        multiplier = np.uint64(MULTIPLIER)
        sign_texts(
            data, at, code_points(), multiplier, scheme.shingle, *drawn, scratch, values[out], shingles[out]
        )
        first += count
    return Signatures(scheme, values, shingles)


def longest(parts: Any) -> int:
    """Bytes of the longest text in some buffers."""
    return max((int(np.diff(at).max(initial=0)) for _, at in parts), default=0)


def similarities(left: Texts, right: Texts, shingle: int) -> Array:
    """
    The true Jaccard similarity of the shingles of each left text and the right one at the same place: float64.

    0.0 where neither has a word. Shingles are compared by 64-bit hashes.
    """
    sides = [buffers(as_one(texts)) for texts in (left, right)]
    (left_data, left_at), (right_data, right_at) = sides
    if len(left_at) != len(right_at):
        raise BadInput(f"{len(left_at) - 1:,} texts cannot be paired with {len(right_at) - 1:,}.")
    common, united = np.zeros(len(left_at) - 1, np.int64), np.zeros(len(left_at) - 1, np.int64)
    size = longest(sides)
    compare_texts(
        left_data, left_at, right_data, right_at, code_points(), np.uint64(MULTIPLIER), shingle,
        scratch_for(size), table_for(size), common, united,
    )  # fmt: skip
    return common / np.maximum(united, 1)


def as_one(texts: Texts) -> Any:
    """Texts as one array of `large_string`."""
    chunks = as_chunks(texts)
    return chunks[0] if len(chunks) == 1 else pa.chunked_array(chunks, pa.large_string()).combine_chunks()
