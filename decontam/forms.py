from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from django import forms

from curation.engine.errors import BadConfig, BadInput
from curation.engine.llm import EndpointKind
from curation.engine.units import Unit
from curation.models import Endpoint, Kind, Project, Run, Version
from decontam.engine.actions import Action
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM, ApplyConfig, Policy
from decontam.engine.detecting import Profile
from decontam.engine.precision import PrecisionConfig
from decontam.engine.rules import Condition, RuleConfig
from decontam.engine.scan import ScanConfig
from decontam.engine.semantic.encoders import LOCAL
from decontam.engine.thresholds import thresholds_from
from decontam.questions.reviews import Filter
from decontam.tasks.judging import VerdictConfig, start_verdicts
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


def names_of(project: Project, *kinds: Kind) -> list[tuple[str, str]]:
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


class VerdictForm(forms.Form):
    """Which model is asked about which matches of a scan."""

    endpoint = forms.ChoiceField(error_messages={"required": "Choose an endpoint."})
    benchmark = forms.ChoiceField(required=False)
    limit = forms.IntegerField(error_messages={"required": "Say about how many matches at most."})
    open_only = forms.BooleanField(required=False)
    both_orders = forms.BooleanField(required=False)

    def __init__(self, scan: Run, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"limit": 200, "open_only": True} | kwargs.get("initial", {})
        super().__init__(*args, **kwargs)
        self.scan = scan
        self.endpoints = Endpoint.objects.for_benchmark_text(scan.project)
        hit = [line["benchmark"] for line in scan.summary["lines"] if line["matches"]]
        self.fields["endpoint"].choices = [(one.name, f"{one}, {one.model}") for one in self.endpoints]  # type: ignore[attr-defined]
        self.fields["benchmark"].choices = [("", "any benchmark"), *((name, name) for name in hit)]  # type: ignore[attr-defined]

    def start(self, user: Any) -> Run:
        """Raises DataError with the sentence of whatever rule says no."""
        said = self.cleaned_data
        wanted = asdict(Filter(benchmark=said["benchmark"], open_only=said["open_only"]))
        config = VerdictConfig(said["endpoint"], wanted, said["limit"], said["both_orders"])
        return start_verdicts(self.scan, config, user=user)


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
