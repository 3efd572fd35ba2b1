"""
Which rows of a benchmark are its items: one for each question, however many rows ask it.

Reference files of decon have a row for each choice of a question. Taken as items they would multiply what is found and
what a person has to rule on, and a question with more choices would weigh more.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

CORRECT = "is_correct"  # in `meta`, as decon has it: whether the row's answer is the right one


def distinct(asked: pa.Array, meta: pa.Array) -> np.ndarray:
    """
    int64 positions, ascending, out of all rows' questions (with their passages) and notes. Of rows that ask the same
    the first one stands for all, or the first whose answer is the right one. What asks nothing stands for itself.
    """
    right = pc.equal(pc.map_lookup(meta, pa.scalar(CORRECT), "first"), "true").fill_null(False)
    question = asked.dictionary_encode().indices.to_numpy().astype(np.int64)
    silent = pc.equal(asked, "").to_numpy(zero_copy_only=False)
    question[silent] = -1 - np.flatnonzero(silent)
    order = np.lexsort((~right.to_numpy(zero_copy_only=False), question))
    first = np.ones(len(order), bool)
    first[1:] = np.diff(question[order]) != 0
    return np.sort(order[first])
