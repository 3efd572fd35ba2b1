"""Signatures against datasketch, similarities against sets of word tuples, and sentences with known answers."""

import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.engine.errors import BadConfig, BadInput
from curation.engine.text.folding import folded_size, squeeze
from curation.engine.text.jit import kernel
from curation.engine.text.minhash import EMPTY, scratch_for, take_shingles
from curation.engine.text.ngrams import MULTIPLIER
from curation.engine.text.words import code_points, words
from decontam.engine.signatures import Scheme, sign, similarities

FOX = "The quick brown fox jumps over the lazy dog near the river bank"
TROUBLE = "aZ9_ .,'ΣσςİıÉé中ⱥȺßẞ\u0301\u00ad😀\ud800 \n\t\u3000"
texts = st.text(alphabet=TROUBLE, max_size=120)


@kernel
def shingles_of(data: object, letters: object, multiplier: object, size: int, scratch: object) -> int:
    return take_shingles(data, 0, len(data), letters, multiplier, size, scratch)


def hashes(text: str, size: int) -> list[int]:
    """What datasketch is given: the high 32 bits of each shingle's hash."""
    raw = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
    scratch = scratch_for(len(raw))
    count = shingles_of(raw, code_points(), np.uint64(MULTIPLIER), size, scratch)
    return [int(gram >> np.uint64(32)) for gram in scratch.grams[:count]]


def plain_shingles(text: str, size: int) -> set[tuple[str, ...]]:
    found = words(text)
    if len(found) < size:
        return {tuple(found)} if found else set()
    return {tuple(found[k : k + size]) for k in range(len(found) - size + 1)}


def jaccard(left: str, right: str, size: int) -> float:
    one, other = plain_shingles(left, size), plain_shingles(right, size)
    return len(one & other) / len(one | other) if one | other else 0.0


# ---- signatures


@pytest.mark.parametrize(
    "scheme", [Scheme(), Scheme(shingle=2, num_perm=64, seed=7), Scheme(1, 200, 2**32 - 1)]
)
def test_signatures_are_those_that_datasketch_makes_of_the_same_shingles(scheme: Scheme) -> None:
    given = [FOX, "short one", "word", "Ünïcödé wörds ÄND more 中文 of them", "x " * 3000]
    signed = sign(given, scheme)
    for row, text in enumerate(given):
        peer = MinHash(scheme.num_perm, scheme.seed, hashfunc=lambda value: value)
        peer.update_batch(hashes(text, scheme.shingle))
        assert peer.scheme == scheme.scheme
        assert signed.values[row].tolist() == peer.hashvalues.tolist()
        assert signed.minhash(row) == peer


def test_a_signature_estimates_the_true_similarity() -> None:
    chance = random.Random(5)
    left = [f"w{chance.randrange(3000)}" for _ in range(2000)]
    right = [f"w{chance.randrange(3000)}" if chance.random() < 0.03 else word for word in left]
    signed = sign([" ".join(left), " ".join(right)], Scheme(num_perm=1024))
    true = similarities([" ".join(left)], [" ".join(right)], 5)[0]
    assert 0.6 < true < 0.9
    assert abs(signed.minhash(0).jaccard(signed.minhash(1)) - true) < 0.05


def test_a_text_shorter_than_a_shingle_is_one_shingle() -> None:
    signed = sign(["Good morning", "good MORNING!", "good evening", "morning good"], Scheme())
    assert signed.shingles.tolist() == [1, 1, 1, 1]
    assert (signed.values[0] == signed.values[1]).all()
    assert not (signed.values[0] == signed.values[2:]).any(axis=1).all()


def test_a_text_without_words_has_no_signature() -> None:
    signed = sign(["", None, " \n", "!?", "😀"], Scheme())
    assert signed.shingles.tolist() == [0] * 5
    assert (signed.values == EMPTY).all()
    with pytest.raises(BadInput, match="Text 1 has no words"):
        signed.minhash(1)


def test_no_texts_are_no_signatures() -> None:
    for nothing in ([], pa.array([], pa.string()), pa.chunked_array([], pa.string())):
        assert sign(nothing, Scheme()).values.shape == (0, 128)


def test_bytes_that_are_no_text_are_signed_like_any_other() -> None:
    binary = pa.array([bytes(range(256)) * 50, b"\xff\xfe\x00" * 1000], pa.binary()).view(pa.string())
    signed = sign(binary, Scheme())
    assert signed.shingles[0] > 0 and signed.shingles[1] == 0


def test_a_text_of_fifty_megabytes_is_signed() -> None:
    huge = "lorem ipsum dolor sit amet consectetur " * 1_300_000
    signed = sign([huge, FOX], Scheme())
    assert signed.shingles[0] == 6 * 1_300_000 - 4
    assert (signed.values[1] == sign([FOX], Scheme()).values[0]).all()
    assert similarities([huge], [huge], 5).tolist() == [1.0]


def test_chunks_and_slices_change_nothing() -> None:
    column = pa.array([FOX, "", None, "one two three four five six", FOX.upper()])
    whole = sign(column, Scheme())
    parts = sign(pa.chunked_array([column[:2], column[2:2], column[2:]]), Scheme())
    assert (whole.values == parts.values).all() and (whole.shingles == parts.shingles).all()
    assert (sign(column[3:], Scheme()).values == whole.values[3:]).all()


def test_threads_sign_alike() -> None:
    given = [f"{FOX} {k}" for k in range(2000)]
    expected = sign(given, Scheme()).values
    with ThreadPoolExecutor(4) as pool:
        assert all(
            (one.values == expected).all() for one in pool.map(lambda _: sign(given, Scheme()), range(8))
        )


# ---- schemes


def test_signatures_of_other_parameters_are_refused() -> None:
    mine = Scheme()
    mine.require_same(Scheme().dump())
    with pytest.raises(BadInput, match="shingle 3 not 5"):
        mine.require_same(Scheme(shingle=3).dump())
    with pytest.raises(BadInput, match=r"version '1\.6\.5' not"):
        mine.require_same(Scheme(version="1.6.5").dump())
    with pytest.raises(BadInput, match="do not say how they were made"):
        mine.require_same(None)


@pytest.mark.parametrize(
    "wrong", [{"shingle": 0}, {"shingle": 2.0}, {"num_perm": True}, {"num_perm": 8}, {"seed": -1}, {"seed": 2**32},
              {"scheme": "legacy"}, {"scheme": "affine64"}],
)  # fmt: skip
def test_a_scheme_checks_itself(wrong: dict[str, object]) -> None:
    with pytest.raises(BadConfig):
        Scheme(**wrong)


# ---- similarities


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(texts, texts), max_size=5), st.integers(1, 4))
def test_similarity_is_that_of_the_sets_of_word_tuples(pairs: list[tuple[str, str]], size: int) -> None:
    found = similarities([left for left, _ in pairs], [right for _, right in pairs], size)
    assert found.tolist() == [jaccard(left, right, size) for left, right in pairs]


def test_repetitions_count_once() -> None:
    assert similarities(["a b a b a b a b", "a a a"], ["a b a", "a"], 2).tolist() == [1.0, 0.0]


def test_texts_without_partners_are_refused() -> None:
    with pytest.raises(BadInput, match="2 texts cannot be paired with 1"):
        similarities(["a", "b"], ["a"], 1)


# ---- squeezing


def squeezed(text: str) -> str:
    raw = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
    out = np.full(folded_size(len(raw)), 7, np.uint8)
    size = squeeze(raw, 0, len(raw), code_points(), out, 0)
    return bytes(out[:size]).decode("utf-8", "surrogatepass")


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=TROUBLE.replace("İ", "").replace("Σ", ""), max_size=120))
def test_squeezing_lowers_case_and_joins_by_one_space(text: str) -> None:
    assert squeezed(text) == " ".join(text.split()).lower()


def test_every_kind_of_white_space_is_a_space() -> None:
    spaces = "".join(chr(code) for code in range(0x110000) if chr(code).isspace())
    assert len(spaces) > 20 and squeezed(f"{spaces}A{spaces}B{spaces}") == "a b"
