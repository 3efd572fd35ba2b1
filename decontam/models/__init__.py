from decontam.models.policy import Policy
from decontam.models.rule import Rule
from decontam.models.ruling import Act, Opinion, Pair, Ruling, Undone

__all__ = ["Act", "Opinion", "Pair", "Policy", "Rule", "Ruling", "Undone"]
