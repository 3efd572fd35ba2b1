"""The jobs of the hub. Importing this module registers them."""

from curation.tasks import bell, exporting, importing, mixing

__all__ = ["bell", "exporting", "importing", "mixing"]
