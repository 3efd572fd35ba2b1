"""The jobs of decontamination. Importing this module registers them."""

from decontam.engine.scan import ScanConfig
from decontam.tasks.applying import start_apply
from decontam.tasks.deduplicating import start_dedupe
from decontam.tasks.exports import start_export_scan
from decontam.tasks.judging import VerdictConfig, start_verdicts
from decontam.tasks.rechecking import start_recheck
from decontam.tasks.registering import start_registration
from decontam.tasks.rescanning import rescan_benchmark, start_rescan
from decontam.tasks.ruling import rule_all, start_ruling
from decontam.tasks.scanning import start_scan

__all__ = [
    "ScanConfig",
    "VerdictConfig",
    "rescan_benchmark",
    "rule_all",
    "start_apply",
    "start_dedupe",
    "start_export_scan",
    "start_recheck",
    "start_registration",
    "start_rescan",
    "start_ruling",
    "start_scan",
    "start_verdicts",
]
