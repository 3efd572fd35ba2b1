"""The jobs of the hub. Importing this module registers them."""

from curation.tasks import bell, exporting, importing, looking, mixing, profiling

__all__ = ["bell", "exporting", "importing", "looking", "mixing", "profiling"]
