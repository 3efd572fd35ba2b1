"""What a rule would come to in a scan, before it is made."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from curation.models import Run
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM
from decontam.engine.ledger import CODES
from decontam.engine.rules import RuleConfig
from decontam.questions.ledgers import ledger
from decontam.questions.reviews import several
from decontam.questions.rules import told_of

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Proposal:
    """
    `matches` of a scan are such as the rule speaks of. `changes` of them would count differently; what a person ruled
    stays. `first` are the first of these matches.
    """

    config: RuleConfig
    matches: int
    changes: int
    contaminated: int
    false_alarms: int
    first: list[dict[str, Any]]

    @property
    def said(self) -> str:
        """What would happen, in a sentence."""
        clears = self.config.verdict == FALSE_ALARM
        told = f"This rule would {'clear' if clears else 'condemn'} {_matches(self.changes)} in this scan"
        if against := self.contaminated if clears else self.false_alarms:
            other = CONTAMINATED if clears else FALSE_ALARM
            return f"{told}; a person ruled {_matches(against)} more {other}, which stays."
        return f"{told}."


def _matches(number: int) -> str:
    return f"{number:,} {'match' if number == 1 else 'matches'}"


def propose(scan: Run, config: RuleConfig) -> Proposal:
    """Clearing changes what counts and nobody ruled; condemning, whatever nobody ruled."""
    places, held = told_of(scan, config), ledger(scan)
    states = held.states[places]
    changes = states == 0
    if config.verdict == FALSE_ALARM:
        changes &= held.why[places] == 0
    return Proposal(
        config,
        matches=len(places),
        changes=int(np.count_nonzero(changes)),
        contaminated=int(np.count_nonzero(states == CODES[CONTAMINATED])),
        false_alarms=int(np.count_nonzero(states == CODES[FALSE_ALARM])),
        first=several(scan, (places[:SHOWN] + 1).tolist()),
    )
