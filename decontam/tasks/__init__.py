"""The jobs of decontamination. Importing this module registers them."""

from decontam.tasks.applying import start_apply
from decontam.tasks.deduplicating import start_dedupe
from decontam.tasks.ruling import rule_all, start_ruling
from decontam.tasks.scanning import ScanConfig, start_scan

__all__ = ["ScanConfig", "rule_all", "start_apply", "start_dedupe", "start_ruling", "start_scan"]
