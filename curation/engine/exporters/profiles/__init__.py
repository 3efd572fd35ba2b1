"""
What a row of each export looks like. A profile is data: the columns it has, the rule that says which turns of a
record make them up, and what its readers stumble over. A further profile is another entry of `PROFILES`.
"""

from curation.engine.errors import BadConfig
from curation.engine.exporters.profiles.alpaca import ALPACA
from curation.engine.exporters.profiles.llamafactory import LLAMA_FACTORY
from curation.engine.exporters.profiles.openai import OPENAI
from curation.engine.exporters.profiles.preferences import NEMO_RL, PREFERENCES
from curation.engine.exporters.profiles.profile import (
    FORMATS,
    Exporter,
    Features,
    Group,
    Profile,
    Survey,
    survey,
)
from curation.engine.exporters.profiles.rlvr import PROMPTS, RLVR
from curation.engine.exporters.profiles.sft import SFT
from curation.engine.exporters.profiles.stepwise import STEPWISE

PROFILES = {
    profile.name: profile
    for profile in (
        *SFT,
        *PREFERENCES,
        *RLVR,
        PROMPTS,
        *OPENAI,
        *LLAMA_FACTORY,
        ALPACA,
        STEPWISE,
        NEMO_RL,
    )
}


def profile_named(name: str) -> Profile:
    """The profile of that name; BadConfig when there is none."""
    if name not in PROFILES:
        raise BadConfig(f"There is no export profile {name}; there are {', '.join(PROFILES)}")
    return PROFILES[name]


__all__ = [
    "FORMATS",
    "PROFILES",
    "Exporter",
    "Features",
    "Group",
    "Profile",
    "Survey",
    "profile_named",
    "survey",
]
