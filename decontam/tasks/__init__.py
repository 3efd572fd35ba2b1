"""The jobs of decontamination. Importing this module registers them."""

from decontam.tasks.applying import start_apply
from decontam.tasks.scanning import ScanConfig, start_scan

__all__ = ["ScanConfig", "start_apply", "start_scan"]
