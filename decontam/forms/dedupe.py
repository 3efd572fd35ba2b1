"""What a deduplication may be asked for; the rules are in `DedupeConfig`."""

from typing import Any

from django import forms

from curation.models import Kind, Project, Run, Version
from decontam.engine.dedupe import DedupeConfig, Keep, Key
from decontam.forms.versions import names_of
from decontam.tasks.deduplicating import start_dedupe

PLAIN = DedupeConfig()
KEYS = {Key.PROMPT: "the prompt", Key.RESPONSE: "the response", Key.BOTH: "prompt and response"}
KEEPS = {
    Keep.FIRST: "the first",
    Keep.LONGEST: "the longest",
    Keep.QUALITY: "the one with the highest number in a field",
    Keep.NEWEST: "the one with the latest date in a field",
}


class DedupeForm(forms.Form):
    """Which rows are compared and which one stays; the config itself says what is wrong with its numbers."""

    versions = forms.MultipleChoiceField(
        label="Versions to deduplicate",
        error_messages={"required": "Choose at least one version."},
    )
    against = forms.MultipleChoiceField(
        label="Held against",
        required=False,
        help_text="What these have goes from the others; they lose nothing themselves.",
    )
    key = forms.ChoiceField(label="Compare", choices=[(key.value, said) for key, said in KEYS.items()])
    near = forms.BooleanField(
        label="Similar texts too",
        required=False,
        help_text="Else only texts that are equal but for case and white space.",
    )
    threshold = forms.FloatField(
        label="Similarity from which on two texts are duplicates",
        help_text="The share of runs of words that both have, of those that either has.",
        widget=forms.NumberInput(attrs={"step": "any", "min": "0.3", "max": "1"}),
    )
    shingle = forms.IntegerField(
        label="Words in a run",
        help_text="5 tells texts of a sentence or more apart; shorter runs make shorter texts comparable.",
        widget=forms.NumberInput(attrs={"min": "1", "max": "100"}),
    )
    closure = forms.BooleanField(
        label="Chains of duplicates go as a whole",
        required=False,
        help_text="Else a row goes only if it is itself like the one that stays.",
    )
    keep = forms.ChoiceField(
        label="Of several, keep", choices=[(keep.value, said) for keep, said in KEEPS.items()]
    )
    keep_by = forms.CharField(
        label="Field to keep by",
        required=False,
        help_text="A label or a note of the records, for the highest number or the latest date.",
    )
    sources = forms.CharField(
        label="Sources by priority",
        required=False,
        help_text="Names with commas between; the first one wins.",
    )
    max_source_loss = forms.FloatField(
        label="At most this share of a source may go",
        help_text="0.5 is half of its rows; the run stops before it removes more.",
        widget=forms.NumberInput(attrs={"step": "any", "min": "0", "max": "1"}),
    )

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        shown = ("key", "near", "threshold", "shingle", "closure", "keep", "max_source_loss")
        kwargs["initial"] = {name: getattr(PLAIN, name) for name in shown} | kwargs.get("initial", {})
        super().__init__(*args, **kwargs)
        self.project = project
        offered = names_of(project, Kind.RECORDS, Kind.MIXTURE)
        for name in ("versions", "against"):
            self.fields[name].choices = offered  # type: ignore[attr-defined]

    def start(self, user: Any) -> Run:
        """Raises DataError with the sentence of whatever rule says no."""
        said = dict(self.cleaned_data)
        versions, against = (
            [Version.objects.named(self.project, name) for name in said.pop(side)]
            for side in ("versions", "against")
        )
        said["sources"] = [name.strip() for name in said["sources"].split(",") if name.strip()]
        return start_dedupe(versions, DedupeConfig(**said), against=against, user=user)
