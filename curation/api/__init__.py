"""What programs reach: one module per noun, each with its router."""

from ninja import Router

from curation.api import (
    datasets,
    endpoints,
    events,
    exports,
    links,
    looks,
    mixtures,
    people,
    projects,
    recipes,
    runs,
    sources,
    tokens,
)

router = Router()
for part in (
    projects,
    sources,
    looks,
    datasets,
    mixtures,
    recipes,
    exports,
    links,
    runs,
    people,
    tokens,
    endpoints,
    events,
):
    router.add_router("", part.router)
