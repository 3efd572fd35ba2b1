"""An export of a small mixture, for tests of how its files are read."""

from curation.engine.exporting import ExportConfig
from curation.engine.mixing import Recipe
from curation.models import Export, Project
from curation.tasks.exporting import start_export
from curation.tasks.mixing import start_mix
from tests.populating import finished

DATA = "sft_messages/data/train-00000-of-00001.parquet"


def publish(
    project: Project, user, profiles=("sft_messages",), formats=("parquet",), mixture="mix"
) -> Export:
    """Export the mixture, with a reason as it lacks its check."""
    config = ExportConfig(list(profiles), list(formats), "a try")
    return finished(start_export(project, mixture, config, user=user)).export


def mix(project: Project, user, dataset="books", mixture="mix") -> None:
    parts = [{"dataset": dataset, "fraction": 1.0}]
    finished(start_mix(project, Recipe.of({"name": mixture, "seed": 1, "components": parts}), user=user))
