"""
Mapping rows to contents: a `Mapping` says which column plays which role, `propose` and `recognise` find one,
`compiled` turns it into a function that raises `Unusable` with a reason, and `contents` runs it over a file.
"""

from curation.engine.mapping.cells import Unusable
from curation.engine.mapping.contents import compiled, own_id, to_content
from curation.engine.mapping.importing import Imported, contents, rejected
from curation.engine.mapping.recognition import propose, recognise
from curation.engine.mapping.spec import SHAPES, Mapping, Shape

__all__ = [
    "SHAPES",
    "Imported",
    "Mapping",
    "Shape",
    "Unusable",
    "compiled",
    "contents",
    "own_id",
    "propose",
    "recognise",
    "rejected",
    "to_content",
]
