from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status

from curation.access import Role, project_for
from curation.api.terms import NEXT, Key, Listing, Name, Text, listed
from decontam.api.scans import finished_scan
from decontam.engine.apply import FALSE_ALARM
from decontam.engine.rules import Condition, RuleConfig
from decontam.models import Rule
from decontam.questions.proposals import propose

router = Router(tags=["decontamination"])


class RuleIn(Schema):
    """
    `condition` is cause, item or phrase; `value` the hash of a cause, the fingerprint of an item, or words that are
    shared. An empty benchmark or dataset is any.
    """

    condition: Text = Condition.CAUSE
    value: Text = ""
    verdict: Text = FALSE_ALARM
    benchmark: Annotated[Text, Field(max_length=120)] = ""
    dataset: Annotated[Text, Field(max_length=120)] = ""
    reason: Annotated[Text, Field(max_length=1000)] = ""

    def config(self) -> RuleConfig:
        return RuleConfig(**self.dict())


class RuleOut(RuleIn):
    id: int
    by: str
    at: datetime
    active: bool

    @staticmethod
    def resolve_by(rule: Any) -> str:
        return str(rule.by.get_username())


class Rules(Schema):
    items: list[RuleOut]
    next: int | None = NEXT


class Proposed(Schema):
    matches: int
    changes: int
    contaminated: int
    false_alarms: int
    said: str
    seqs: list[int]


class Turn(Schema):
    active: bool


@router.get("/projects/{project}/rules", response=Rules)
def list_rules(request: HttpRequest, project: Name, asked: Query[Listing]) -> dict[str, Any]:
    """The rules of a project, the newest first."""
    return listed(Rule.objects.filter(project=project_for(request, project)).select_related("by"), asked)


@router.get("/projects/{project}/scans/{pk}/rule-preview", response=Proposed)
def preview_rule(request: HttpRequest, project: Name, pk: Key, said: Query[RuleIn]) -> dict[str, Any]:
    """What a rule would come to in a scan, before it is made; `seqs` are the first such matches."""
    found = propose(finished_scan(request, project, pk), said.config())
    told = {name: getattr(found, name) for name in ("matches", "changes", "contaminated", "false_alarms")}
    return told | {"said": found.said, "seqs": [match["seq"] for match in found.first]}


@router.post("/projects/{project}/rules", response={201: RuleOut})
def make_rule(request: HttpRequest, project: Name, said: RuleIn) -> Status[Rule]:
    """Make a rule, which holds from now on, in every scan of its scope."""
    place = project_for(request, project, Role.CURATOR)
    return Status(201, Rule.objects.make(place, said.config(), by=request.user))


@router.put("/projects/{project}/rules/{pk}", response=RuleOut)
def turn_rule(request: HttpRequest, project: Name, pk: Key, said: Turn) -> Rule:
    """Take a rule out of force, or put it into force again."""
    place = project_for(request, project, Role.CURATOR)
    rule: Rule = get_object_or_404(Rule.objects.select_related("by"), project=place, pk=pk)
    rule.turn(active=said.active, by=request.user)
    return rule
