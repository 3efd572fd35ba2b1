"""What a person has to look at before others go on from a scan that was repeated on newer rows."""

import numpy as np
from django.urls import reverse

from curation.models import Run
from decontam.questions.ledgers import ledger


def undecided(scan: Run, before: Run) -> str:
    """Matches that the earlier scan did not have and nobody has ruled on; empty where there are none."""
    new = new_and_open(scan, before)
    if not new:
        return ""
    pairs = "pair matches" if new == 1 else "pairs match"
    where = reverse("review", args=[scan.project, scan.pk])
    return f"{new:,} new {pairs} in scan {scan.pk} of {scan.subject}, which nobody ruled on: review it at {where}"


def new_and_open(scan: Run, before: Run) -> int:
    """How many pairs of texts: one in two turns, or in both scans, is the same pair."""
    now, then = ledger(scan), ledger(before)
    first, keys = now.pairs(), np.unique(now.keys)
    waiting = (now.states[first] == 0) & (now.why[first] == 0)
    return int(np.count_nonzero(waiting & ~np.isin(keys, then.keys)))
