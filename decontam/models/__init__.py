from decontam.models.rule import Rule
from decontam.models.ruling import Act, Opinion, Pair, Ruling, Undone

__all__ = ["Act", "Opinion", "Pair", "Rule", "Ruling", "Undone"]
