"""Which model is asked about which matches."""

from dataclasses import asdict
from typing import Any

from django import forms

from curation.models import Endpoint, Run
from decontam.questions.reviews import Filter
from decontam.tasks.judging import VerdictConfig, start_verdicts


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
