from dataclasses import asdict
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from curation.api.terms import Key, Name
from decontam.api.scans import finished_scan
from decontam.questions.agreements import agreement_of, names

router = Router(tags=["decontamination"])


class BetweenOut(Schema):
    first: str
    second: str
    pairs: int
    agreed: int
    kappa: float | None


class AgreementOut(Schema):
    pairs: int
    agreed: int
    between: list[BetweenOut]


@router.get("/projects/{project}/scans/{pk}/agreement", response=AgreementOut)
def get_agreement(request: HttpRequest, project: Name, pk: Key) -> dict[str, Any]:
    """How far people agree who ruled on the same pairs; `disputed` among the matches lists where they do not."""
    found = agreement_of(finished_scan(request, project, pk))
    known = names(found)
    between = [
        asdict(one) | {"first": known[one.first], "second": known[one.second]} for one in found.between
    ]
    return {"pairs": found.pairs, "agreed": found.agreed, "between": between}
