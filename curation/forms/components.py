"""A component of a recipe and its strata, as somebody typed them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from curation.engine.errors import BadConfig
from curation.engine.mixing import Component

MODES = {"fraction": "a fraction", "rows": "rows", "tokens": "tokens", "weight": "a weight"}
STRATUM_MODES = {"share": "a share", "rows": "rows"}
END = r"(-?\d{1,18}(?:\.\d{1,18})?)?"
RANGE = re.compile(rf"{END}\.\.{END}", re.ASCII)


def number(text: str) -> int | float | str | None:
    """
    What was typed as a number, if it is one; else as it is, for the config to refuse: 1,500 is a thousand and more, and
    0,5 is no number, since it would not be half.
    """
    text = text.strip().replace("\u00a0", "")
    if re.fullmatch(r"-?[1-9]\d{0,2}(,\d{3})+(\.\d*)?", text, re.ASCII):
        text = text.replace(",", "")
    if re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        return int(text)
    if re.fullmatch(r"-?(\d{1,18}\.?\d{0,18}|\.\d{1,18})([eE][-+]?\d{1,2})?", text, re.ASCII):
        return float(text)
    return text or None


@dataclass
class StratumRow:
    """A stratum as typed; a range is written as in the addresses of the explorer: 0..512."""

    NAMES: ClassVar = ("by", "value", "mode", "amount")

    by: str = ""
    value: str = ""
    mode: str = "share"
    amount: str = ""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "StratumRow":
        mode = "rows" if given.get("rows") is not None else "share"
        low, high = given.get("low"), given.get("high")
        ends = f"{'' if low is None else low}..{'' if high is None else high}"
        value = given.get("value")
        return cls(str(given["by"]), ends if value is None else str(value), mode, str(given.get(mode)))

    def plain(self) -> dict[str, Any]:
        """What `Stratum` takes; DataError where there is nothing that it could check."""
        if self.mode not in STRATUM_MODES:
            raise BadConfig(f"A stratum gives {' or '.join(STRATUM_MODES)}, not {self.mode}.")
        text = self.value.strip()
        which: dict[str, Any] = {"value": text or None}
        if found := RANGE.fullmatch(text):
            which = {
                name: number(end or "") for name, end in zip(("low", "high"), found.groups(), strict=True)
            }
        return {"by": self.by.strip() or None, **which, self.mode: number(self.amount)}


@dataclass
class Row:
    """A component as typed."""

    NAMES: ClassVar = ("dataset", "mode", "value", "cap", "max_repeats", "floor")

    dataset: str = ""
    mode: str = "fraction"
    value: str = "1.0"
    cap: str = ""
    max_repeats: str = "1"
    floor: str = ""
    strata: list[StratumRow] = field(default_factory=list)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Row":
        mode = next((one for one in MODES if given.get(one) is not None), "fraction")
        given = {"max_repeats": 1, **given}
        typed = {"value": given.get(mode)} | {name: given.get(name) for name in cls.NAMES[3:]}
        plain = {name: "" if value is None else str(value) for name, value in typed.items()}
        strata = [StratumRow.of(one) for one in given.get("strata") or ()]
        return cls(str(given.get("dataset", "")), mode, **plain, strata=strata)

    def component(self) -> Component:
        if not self.dataset:
            raise BadConfig("Choose a dataset.")
        if self.mode not in MODES:
            *most, last = MODES.values()
            raise BadConfig(f"A component takes {', '.join(most)} or {last}, not {self.mode}.")
        return Component(**self.typed())

    def typed(self) -> dict[str, Any]:
        """What `Component` takes, with numbers where numbers were typed."""
        typed = {self.mode: number(self.value)}
        typed |= {name: number(getattr(self, name)) for name in ("floor", "cap", "max_repeats")}
        given: dict[str, Any] = {name: value for name, value in typed.items() if value is not None}
        strata = [
            {name: value for name, value in one.plain().items() if value is not None} for one in self.strata
        ]
        return {"dataset": self.dataset} | given | ({"strata": strata} if strata else {})
