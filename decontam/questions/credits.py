"""Which method of a scan found what; kept, since matches never change."""

from hashlib import sha256

from django.core.cache import cache

from curation.models import Run, store
from decontam.engine.credit import COLUMNS, Credit, credit
from decontam.questions.scans import output


def credits_of(scan: Run) -> list[Credit]:
    """By method, the most literal first."""
    matches = output(scan, "matches")
    key = f"credits-{sha256(store().full(matches.manifest_path).encode()).hexdigest()}"
    found: list[Credit] | None = cache.get(key)
    if found is None:
        found = credit(matches.batches(COLUMNS))
        cache.set(key, found, timeout=None)
    return found
