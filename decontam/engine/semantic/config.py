"""Settings of the semantic method."""

from dataclasses import dataclass

from curation.engine.errors import BadConfig

LEXICAL_ONLY = ""


@dataclass(frozen=True, slots=True)
class SemanticConfig:
    """
    `false_alarms` is the share of clean rows that may be flagged, for each benchmark; `top_k` the most items of one
    benchmark that a row is matched with; `background` the most distinct rows that calibration looks at; `window` the
    characters of a row that are compared at a time, and `most_windows` how many of them in one row.

    `encoder` names the encoder; without one only words are compared.
    """

    encoder: str = "minilm"
    false_alarms: float = 0.01
    top_k: int = 5
    background: int = 4000
    window: int = 2000
    most_windows: int = 64

    def __post_init__(self) -> None:
        if not isinstance(self.encoder, str):
            raise BadConfig(f"The encoder must be given by name, not as {self.encoder!r}.")
        if isinstance(self.false_alarms, bool) or not isinstance(self.false_alarms, int | float):
            raise BadConfig(f"The rate of false alarms must be a number, not {self.false_alarms!r}.")
        if not 0.0001 <= self.false_alarms <= 0.2:
            raise BadConfig(
                "The rate of false alarms must be from 0.0001 to 0.2: it is a share of clean rows."
            )
        for name, least, most in (
            ("top_k", 1, 1000),
            ("background", 200, 20_000),
            ("window", 200, 100_000),
            ("most_windows", 1, 1_000_000),
        ):
            _check_whole(name, getattr(self, name), least, most)


def _check_whole(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadConfig(f"{name} must be a whole number from {least:,} to {most:,}, not {value!r}.")
