"""What a ruling is to hold for beyond its pair; the rules are in `RuleConfig`."""

from collections.abc import Mapping
from typing import Any

from django import forms

from curation.engine.errors import BadConfig
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM
from decontam.engine.rules import Condition, RuleConfig

CONDITIONS = {
    Condition.CAUSE: "that share exactly these words",
    Condition.ITEM: "with this benchmark item",
    Condition.PHRASE: "whose shared words contain a phrase",
}


class RuleForm(forms.Form):
    """What a ruling is to hold for beyond its pair."""

    condition = forms.ChoiceField(
        label="Every match", choices=[(one.value, said) for one, said in CONDITIONS.items()]
    )
    phrase = forms.CharField(
        required=False,
        max_length=1000,
        help_text="Only for the last choice: words as they follow one another, without case and punctuation.",
    )
    benchmark = forms.ChoiceField(label="Benchmark", required=False)
    dataset = forms.ChoiceField(label="Dataset", required=False)
    verdict = forms.ChoiceField(
        label="Verdict", choices=[(FALSE_ALARM, "a false alarm"), (CONTAMINATED, "contaminated")]
    )
    reason = forms.CharField(
        max_length=1000, required=False, help_text="Shown wherever the rule clears a match."
    )

    def __init__(
        self, match: Mapping[str, Any], dataset: str, said: Mapping[str, Any], **kwargs: Any
    ) -> None:
        asked = {"phrase": match["phrase"], "benchmark": match["benchmark"], "dataset": dataset}
        known = {name: said[name] for name in self.base_fields if name in said}
        whole = {"condition": Condition.CAUSE, "verdict": FALSE_ALARM, "reason": ""} | asked | known
        super().__init__(whole, **kwargs)
        self.match = match
        for name, every in (("benchmark", "any benchmark"), ("dataset", "any dataset")):
            self.fields[name].choices = [(asked[name], asked[name]), ("", every)]  # type: ignore[attr-defined]

    def config(self) -> RuleConfig:
        """Raises BadConfig for what cannot be meant."""
        if not self.is_valid():
            told = "; ".join(f"{field}: {error}" for field, errors in self.errors.items() for error in errors)
            raise BadConfig(told)
        said = dict(self.cleaned_data)
        phrase = said.pop("phrase")
        condition = Condition(said["condition"])
        value = phrase if condition is Condition.PHRASE else self.match[condition.column]
        return RuleConfig(value=value, **said)
