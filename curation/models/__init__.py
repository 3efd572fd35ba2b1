"""The nouns that all apps share. Import them from here."""

from curation.models.check import Check
from curation.models.dataset import Dataset, Kind, Version, store
from curation.models.endpoint import Endpoint, Reply
from curation.models.event import Event
from curation.models.link import Link
from curation.models.log import Line
from curation.models.mixture import Export, Mixture
from curation.models.part import Output, Part
from curation.models.project import DECONTAMINATION, Membership, Project, shell_user
from curation.models.run import Run, RunInput
from curation.models.source import Source
from curation.models.token import Token
from curation.models.worker import Worker

__all__ = [
    "DECONTAMINATION",
    "Check",
    "Dataset",
    "Endpoint",
    "Event",
    "Export",
    "Kind",
    "Line",
    "Link",
    "Membership",
    "Mixture",
    "Output",
    "Part",
    "Project",
    "Reply",
    "Run",
    "RunInput",
    "Source",
    "Token",
    "Version",
    "Worker",
    "shell_user",
    "store",
]
