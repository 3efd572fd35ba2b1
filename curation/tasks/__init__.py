"""The jobs of the hub. Importing this module registers them."""

from curation.tasks import bell, counting, exporting, importing, looking, mixing, profiling, refreshing

__all__ = ["bell", "counting", "exporting", "importing", "looking", "mixing", "profiling", "refreshing"]
