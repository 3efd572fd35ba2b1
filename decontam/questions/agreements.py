"""Whether people who ruled on the same pairs of a scan agree, and on which they do not."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth import get_user_model

from curation.models import Project, Run
from decontam.engine.agreement import Agreement, agreement
from decontam.models import Opinion
from decontam.questions.ledgers import ledger


def several_reviewers(project: Project) -> bool:
    """More than one person has ruled in the project: before that there is nothing to compare."""
    return bool(Opinion.objects.filter(project=project).values("by").distinct().count() > 1)


def agreement_of(scan: Run) -> Agreement:
    """Over the pairs of a scan; a ruling on the same pair of texts in another scan is one here too."""
    held = ledger(scan, people=True)
    places = held.pairs()
    return agreement({person: codes[places] for person, codes in sorted((held.people or {}).items())})


def names(found: Agreement) -> dict[int, str]:
    """Of the people of an agreement, by key."""
    people = {person for one in found.between for person in (one.first, one.second)}
    return {user.pk: user.get_username() for user in get_user_model().objects.filter(pk__in=people)}


def opinions_of(scan: Run, matches: Sequence[Mapping[str, Any]]) -> dict[int, list[Opinion]]:
    """What everybody said of some matches, by number, in one query."""
    pairs = {match["seq"]: (match["row_fingerprint"], match["item_fingerprint"]) for match in matches}
    found = Opinion.objects.of_all(scan.project_id, set(pairs.values()))
    return {seq: found[pair] for seq, pair in pairs.items()}


def blind_to(scan: Run, match: Mapping[str, Any], reader: Any) -> bool:
    """The reader has said nothing of this pair yet, so a second look does not tell what others said."""
    pair = (match["row_fingerprint"], match["item_fingerprint"])
    return not Opinion.objects.on(scan.project_id, [pair], reader)
