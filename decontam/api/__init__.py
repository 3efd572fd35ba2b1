"""What the pages of decontamination do, for programs."""

from ninja import Router

from decontam.api import agreements, rules, scans

router = Router(tags=["decontamination"])
for _one in (scans.router, agreements.router, rules.router):
    router.add_router("", _one)
