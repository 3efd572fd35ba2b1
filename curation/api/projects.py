from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from curation.access import projects

router = Router(tags=["projects"])


class ProjectOut(Schema):
    name: str
    created: datetime
    required_checks: list[str]


@router.get("/projects", response=list[ProjectOut])
def list_projects(request: HttpRequest) -> Any:
    """The projects that you may look into; with a token, the one that it is for."""
    return projects(request).order_by("name")
