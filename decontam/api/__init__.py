"""What the pages of decontamination do, for programs."""

from ninja import Router

from decontam.api import agreements, differing, duplicates, rules, scans, verdicts

router = Router(tags=["decontamination"])
for _one in (
    scans.router,
    agreements.router,
    rules.router,
    differing.router,
    verdicts.router,
    duplicates.router,
):
    router.add_router("", _one)
