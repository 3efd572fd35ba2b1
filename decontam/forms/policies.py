"""What becomes of matching rows; the rules are in `ApplyConfig`."""

from dataclasses import asdict, replace
from typing import Any

from django import forms

from curation.engine.errors import BadConfig
from decontam.engine.actions import Action
from decontam.engine.apply import ApplyConfig, Policy

POLICIES = {
    Policy.DROP: "all but the false alarms go",
    Policy.RULED: "only what was ruled goes",
}
MEANINGS = {
    False: "stays until a person rules it contaminated",
    True: "counts like any other",
}
ACTIONS = {
    Action.DROP: "leaves for good",
    Action.QUARANTINE: "is set apart, in a dataset that cannot be exported",
    Action.CUT: "stays, without the words that both share",
}


class PolicyForm(forms.Form):
    """Which rows count, what becomes of them by the role of the benchmark, and how many may go."""

    policy = forms.ChoiceField(
        label="Of the matching rows", choices=[(policy.value, said) for policy, said in POLICIES.items()]
    )
    dev = forms.ChoiceField(
        label="A row that matches a benchmark of development",
        choices=[(action.value, said) for action, said in ACTIONS.items()],
    )
    unseen = forms.ChoiceField(
        label="A row that matches a held-out benchmark",
        choices=[(action.value, said) for action, said in ACTIONS.items()],
        help_text="A row that matches both is dealt with by the stricter of the two.",
    )
    meaning = forms.TypedChoiceField(
        label="A row that only meaning found",
        choices=list(MEANINGS.items()),
        coerce=lambda said: str(said) == "True",
    )
    source_above = forms.FloatField(
        label="The source should go whole above this share of hit items of a held-out benchmark",
        help_text="0.02 in Tülu 3 (arXiv 2411.15124 §3.2).",
        widget=forms.NumberInput(attrs={"step": "any", "min": "0", "max": "1"}),
    )
    max_removed = forms.FloatField(
        label="At most this share of the rows may go",
        help_text="The retention guard: 0.5 is half of them.",
        widget=forms.NumberInput(attrs={"step": "any", "min": "0", "max": "1"}),
    )

    def __init__(self, usual: ApplyConfig, said: Any = None) -> None:
        """`said` is a query or a post; what it leaves out is as usual."""
        super().__init__(said and asdict(usual) | said.dict(), initial=asdict(usual))
        self.usual = usual

    def config(self) -> ApplyConfig:
        """Raises BadConfig for what cannot be meant."""
        if not self.is_bound:
            return self.usual
        if not self.is_valid():
            told = "; ".join(f"{field}: {error}" for field, errors in self.errors.items() for error in errors)
            raise BadConfig(told)
        return replace(self.usual, **self.cleaned_data)


class ApplyForm(PolicyForm):
    """The policy of the project, for one scan, and the reason of whoever keeps a source that should go whole."""

    allow_source = forms.CharField(
        label="Keep the rest of a source that should go whole, because",
        required=False,
        max_length=500,
        help_text="The reason stands on the certificate and in the audit log.",
    )
