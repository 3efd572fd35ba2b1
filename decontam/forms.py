from dataclasses import asdict, replace
from typing import Any

from django import forms

from curation.engine.errors import BadConfig, BadInput
from curation.engine.units import Unit
from curation.models import Kind, Project, Run, Version
from decontam.engine.actions import Action
from decontam.engine.apply import ApplyConfig, Policy
from decontam.tasks.scanning import ScanConfig, start_scan

UNITS = {Unit.USER: "user turns", Unit.SYSTEM: "system turns", Unit.ASSISTANT: "assistant turns"}
PLAIN = ScanConfig()


def _names(project: Project, *kinds: Kind) -> list[tuple[str, str]]:
    """Newest versions first, by name and number, with their rows."""
    found = Version.objects.live().filter(dataset__project=project, dataset__kind__in=kinds)
    ordered = found.select_related("dataset").order_by("dataset__name", "-number")
    return [(str(version), f"{version}, {version.rows:,} rows") for version in ordered]


class ScanForm(forms.Form):
    """What is compared with what, and how; the config itself says what is wrong with its numbers."""

    training = forms.ChoiceField(label="Version to scan")
    benchmarks = forms.MultipleChoiceField(
        label="Against",
        widget=forms.CheckboxSelectMultiple,
        help_text="The newest version of every benchmark is chosen unless you say otherwise.",
        error_messages={"required": "Choose at least one benchmark."},
    )
    unit = forms.ChoiceField(label="Text", choices=[(unit.value, words) for unit, words in UNITS.items()])
    n = forms.IntegerField(
        label="Words in an n-gram",
        help_text="8 is the rule of Tülu 3 (arXiv 2411.15124 §3.2); longer ones find less.",
    )
    threshold = forms.FloatField(
        label="Share of an item’s words that must be covered",
        help_text="0.5 in Tülu 3; a weaker scan than the plain rule is no decontamination check.",
        widget=forms.NumberInput(attrs={"step": "any", "min": "0", "max": "0.99"}),
    )

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {
            "n": PLAIN.n,
            "threshold": PLAIN.threshold,
            "unit": PLAIN.unit,
            **kwargs["initial"],
        }
        super().__init__(*args, **kwargs)
        self.project = project
        offered = _names(project, Kind.BENCHMARK)
        scanned = _names(project, Kind.RECORDS, Kind.MIXTURE)
        grouped = [("Rows", scanned), ("Benchmarks, compared with one another", offered)]
        self.fields["training"].choices = grouped  # type: ignore[attr-defined]
        self.fields["benchmarks"].choices = offered  # type: ignore[attr-defined]
        newest = {name.partition("@")[0]: name for name, _ in reversed(offered)}
        self.initial.setdefault("benchmarks", list(newest.values()))

    def start(self, user: Any) -> Run:
        """Raises DataError with the sentence of whatever rule says no."""
        said = self.cleaned_data
        config = ScanConfig(n=said["n"], threshold=said["threshold"], unit=said["unit"])
        training = Version.objects.named(self.project, said["training"])
        named = [Version.objects.named(self.project, name) for name in said["benchmarks"]]
        others = [version for version in named if version.dataset_id != training.dataset_id]
        if not others:
            raise BadInput(
                f"{training} is the only benchmark that is named; choose others to compare it with."
            )
        return start_scan(training, others, config, user=user)


POLICIES = {
    Policy.DROP: "all but the false alarms go",
    Policy.RULED: "only what was ruled goes",
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
