"""The settings of a scan, which page, API, command and worker all go through."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from curation.engine.errors import BadConfig
from curation.engine.units import Unit
from decontam.engine.config import NgramConfig
from decontam.engine.detecting import Profile
from decontam.engine.precision import PrecisionConfig
from decontam.engine.semantic import SemanticConfig


@dataclass(frozen=True, slots=True)
class ScanConfig:
    """
    How a unit of match is looked at. `n` and `threshold` are those of the plain rule (`NgramConfig`), which every
    profile applies; the default profile looks in further ways and says what of it counts. With an `encoder` (of this
    machine, or `endpoint:` and a name) it also looks for meaning, at a rate of false alarms on the source's own rows.
    `thresholds` are the shares of an item's information that count, by the name of a benchmark.
    """

    n: int = 8
    threshold: float = 0.5
    unit: str = Unit.USER
    profile: str = Profile.DEFAULT
    encoder: str = ""
    false_alarms: float = 0.01
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _ = self.ngram, self.semantic, self.precision
        if self.profile not in set(Profile):
            raise BadConfig(f"There is no profile {self.profile!r}; choose one of {', '.join(Profile)}.")
        if self.unit not in set(Unit):
            raise BadConfig(f"There is no unit of match {self.unit!r}; choose one of {', '.join(Unit)}.")
        if self.profile == Profile.PLAIN and (self.encoder or self.thresholds):
            raise BadConfig(
                "The plain rule looks for no meaning, and nothing judges what it finds: "
                "leave out encoder and thresholds."
            )

    @property
    def precision(self) -> PrecisionConfig:
        return PrecisionConfig(thresholds=self.thresholds)

    @property
    def semantic(self) -> SemanticConfig:
        return SemanticConfig(encoder=self.encoder, false_alarms=self.false_alarms)

    @property
    def ngram(self) -> NgramConfig:
        return NgramConfig(n=self.n, threshold=self.threshold)
