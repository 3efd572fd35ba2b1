"""What a scan may be asked for; the rules are in `ScanConfig`."""

from typing import Any

from django import forms

from curation.engine.errors import BadConfig, BadInput
from curation.engine.llm import EndpointKind
from curation.engine.units import Unit
from curation.models import Endpoint, Kind, Project, Run, Version
from decontam.engine.detecting import Profile
from decontam.engine.precision import PrecisionConfig
from decontam.engine.scan import ScanConfig
from decontam.engine.semantic.encoders import LOCAL
from decontam.engine.thresholds import thresholds_from
from decontam.forms.versions import names_of
from decontam.tasks.meaning import AT_ENDPOINT
from decontam.tasks.scanning import start_scan

UNITS = {
    Unit.USER: "user turns",
    Unit.JOINED: "user turns, joined",
    Unit.SYSTEM: "system turns",
    Unit.ASSISTANT: "assistant turns",
    Unit.CHOSEN: "chosen completions",
    Unit.REJECTED: "rejected completions",
    Unit.GROUND_TRUTH: "ground truths",
}
PROFILES = {
    Profile.DEFAULT: "items, short ones, other numbers, edited and re-ordered text",
    Profile.PLAIN: "what the rule of Tülu 3 finds, nothing else",
}
PLAIN = ScanConfig()
SETTINGS = ("n", "threshold", "unit", "profile", "encoder", "false_alarms")


def _encoders(project: Project) -> list[tuple[str, str]]:
    """Those of this machine, and the endpoints of the project that may see what is looked for."""
    endpoints = Endpoint.objects.for_benchmark_text(project, EndpointKind.EMBEDDINGS)
    return [
        ("", "no: words only"),
        *((name, f"{name}, on this machine") for name in LOCAL),
        *((f"{AT_ENDPOINT}{one.name}", f"{one.model}, at the endpoint {one}") for one in endpoints),
    ]


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
    profile = forms.ChoiceField(
        label="Looking for",
        choices=[(profile.value, words) for profile, words in PROFILES.items()],
        help_text="Every profile applies the rule of Tülu 3; the default one says which of its matches are chance.",
    )
    n = forms.IntegerField(
        label="Words in an n-gram",
        help_text="8 is the rule of Tülu 3 (arXiv 2411.15124 §3.2); longer ones find less.",
    )
    threshold = forms.FloatField(
        label="Share of an item’s words that must be covered",
        help_text="0.5 in Tülu 3; a weaker scan than the plain rule is no decontamination check.",
        widget=forms.NumberInput(attrs={"step": "any", "min": "0", "max": "0.99"}),
    )

    encoder = forms.ChoiceField(
        label="Looking for meaning",
        required=False,
        help_text="What only meaning finds waits for a person: it is listed, and no check fails for it.",
    )
    false_alarms = forms.FloatField(
        label="Share of clean rows that meaning may flag",
        required=False,
        help_text="Measured for each benchmark; only with an encoder.",
        widget=forms.NumberInput(attrs={"step": "any", "min": "0.0001", "max": "0.2"}),
    )
    background = forms.ChoiceField(
        label="Measured on rows of",
        required=False,
        help_text="Choose a clean version when most of the scanned one may be contaminated; only with an encoder.",
    )
    thresholds = forms.CharField(
        label="Thresholds of single benchmarks",
        required=False,
        help_text="A line each, like quiz: 0.9, for the share of an item’s information that a row must hold. "
        "Other benchmarks are judged by what is measured.",
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
    )

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        usual = {name: getattr(PLAIN, name) for name in SETTINGS}
        kwargs["initial"] = usual | kwargs["initial"]
        super().__init__(*args, **kwargs)
        self.project = project
        offered = names_of(project, Kind.BENCHMARK)
        scanned = names_of(project, Kind.RECORDS, Kind.MIXTURE)
        grouped = [("Rows", scanned), ("Benchmarks, compared with one another", offered)]
        self.fields["training"].choices = grouped  # type: ignore[attr-defined]
        self.fields["benchmarks"].choices = offered  # type: ignore[attr-defined]
        self.fields["encoder"].choices = _encoders(project)  # type: ignore[attr-defined]
        self.fields["background"].choices = [("", "the version itself"), *scanned]  # type: ignore[attr-defined]
        newest = {name.partition("@")[0]: name for name, _ in reversed(offered)}
        self.initial.setdefault("benchmarks", list(newest.values()))

    def clean_thresholds(self) -> dict[str, float]:
        try:
            found = thresholds_from(self.cleaned_data["thresholds"].splitlines())
            return dict(PrecisionConfig(thresholds=found).thresholds)
        except BadConfig as error:
            raise forms.ValidationError(str(error)) from None

    def start(self, user: Any) -> Run:
        """Raises DataError with the sentence of whatever rule says no."""
        said = self.cleaned_data
        given = {name: said[name] for name in (*SETTINGS, "thresholds") if said[name] is not None}
        config = ScanConfig(**given)
        training = Version.objects.named(self.project, said["training"])
        named = [Version.objects.named(self.project, name) for name in said["benchmarks"]]
        others = [version for version in named if version.dataset_id != training.dataset_id]
        if not others:
            raise BadInput(
                f"{training} is the only benchmark that is named; choose others to compare it with."
            )
        calibrated = said["background"] if config.encoder else ""
        background = Version.objects.named(self.project, calibrated) if calibrated else None
        return start_scan(training, others, config, background=background, user=user)
