from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from curation.access import ProjectRequest, curating, viewing
from curation.asked import plain
from curation.delivery import DESCRIPTION, Delivered, card_of, deliver, files_of, manifest_of, withdrawn
from curation.engine.errors import BadInput, DataError
from curation.engine.hub_snippets import Reach, hub_snippets
from curation.engine.rendering import show
from curation.engine.snippets import Loading, Snippet, snippets
from curation.forms.exports import asked, config, options
from curation.gates import readiness, verdict_on_files, withheld
from curation.models import Export, Version, store
from curation.models.link import LIVES
from curation.paging import page_of
from curation.questions.fitting import fits
from curation.questions.stories import find_row
from curation.tasks.exporting import start_export

PAGE = 50
FIRST = {"profiles": ["sft_messages"], "formats": ["parquet"], "override": "", "tool_arguments": "string"}
CARD_SHOWN = 200_000  # characters
FILES = 200
WITHIN_PAGE = {  # headings below those of the page; what scrolls can be reached by keyboard
    "<h2>": "<h3>",
    "</h2>": "</h3>",
    "<table>": '<table tabindex="0">',
    "<pre ": '<pre tabindex="0" ',
}


@require_GET
@viewing
def exports(request: ProjectRequest) -> HttpResponse:
    """Every export of the project, the newest first; `?mixture=` for those of one."""
    found = Export.objects.filter(mixture__project=request.project)
    if mixture := plain(request.GET.get("mixture")):
        found = found.filter(mixture__name=mixture)
    found = found.select_related("mixture__project", "version__dataset__project", "run", "by")
    page = page_of(found, request.GET, PAGE)
    newest = request.project.mixtures.order_by("-pk").first()
    query = urlencode({"mixture": mixture}) if mixture else ""
    context = {"exports": page.items, "page": page, "query": query, "of": mixture, "mixture": newest}
    return render(request, "curation/exports.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@curating
def export_new(request: ProjectRequest, mixture: str) -> HttpResponse:
    """Choose profiles and formats for a version of a mixture, the newest unless `?version=` says which."""
    made = get_object_or_404(request.project.mixtures.select_related("project"), name=mixture)
    number = request.POST.get("version") or request.GET.get("version") or ""
    try:
        version = Version.objects.mixture(request.project, f"{made.name}@{number}" if number else made.name)
    except BadInput as error:
        return render(request, "refused.html", {"error": error}, status=422)
    given = asked(request.POST) if request.method == "POST" else FIRST
    refused = ""
    if request.method == "POST":
        try:
            return redirect(start_export(request.project, str(version), config(given), user=request.user))
        except DataError as refusal:
            refused = str(refusal)
    context = {
        "mixture": made,
        "version": version,
        "ready": readiness([version], request.project)[version.pk],
        "given": given,
        "options": options(given, fits(version)),
        "refused": refused,
    }
    return render(request, "curation/export_new.html", context, status=422 if refused else 200)


def _export(request: ProjectRequest, mixture: str, number: int) -> Export:
    found = Export.objects.select_related(
        "mixture__project", "version__dataset__project", "run__project", "by"
    ).filter(mixture__project=request.project)
    return get_object_or_404(found, mixture__name=mixture, number=number)


@dataclass
class Contents:
    """What is in the files of an export, for one of its profiles; empty when they are gone."""

    profile: str
    manifest: dict[str, Any]
    files: list[Delivered]
    snippets: list[Snippet]
    card: SafeString
    head: str

    @property
    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = self.manifest["configs"][self.profile]
        return config

    @property
    def skipped(self) -> int:
        return sum(self.config["skips"]["counts"].values())

    @property
    def warned(self) -> int:
        """Kinds of rows that readers may stumble over; exports of old have no such list."""
        return len(self.config.get("warnings", {}).get("counts", {}))

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    @property
    def data_bytes(self) -> int:
        return sum(file.bytes for file in self.files if file.profile == self.profile)

    @property
    def shown(self) -> list[Delivered]:
        """The files worth listing: card and manifest, then the data, up to a length that a page bears."""
        papers = [file for file in self.files if file.rows is None]
        return [*papers, *(file for file in self.files if file.rows is not None)][:FILES]

    @property
    def hidden(self) -> int:
        return len(self.files) - len(self.shown)

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """The versions that went in, by name and number."""
        parts = [(one["dataset"].partition("@"), one) for one in self.manifest["inputs"]]
        return [
            {"name": name, "number": int(number), "hash": one["content_hash"], "rows": one["rows"]}
            for (name, _, number), one in parts
        ]

    @property
    def certificates(self) -> bool:
        return any(file.path == "certificates.json" for file in self.files)

    @property
    def described(self) -> bool:
        return any(file.path == DESCRIPTION for file in self.files)


@require_GET
@viewing
def export(request: ProjectRequest, mixture: str, number: int) -> HttpResponse:
    return _shown(request, _export(request, mixture, number))


def _shown(request: ProjectRequest, found: Export, status: int = 200, **more: str) -> HttpResponse:
    profile = request.GET.get("profile", found.profiles[0])
    if profile not in found.profiles:
        profile = found.profiles[0]
    context = {"export": found, "profile": profile, "contents": _contents(request, found, profile)}
    context |= {"on_files": verdict_on_files(found), "withheld": withheld(found)}
    context |= _links(request, found) | more
    return render(request, "curation/export.html", context, status=status)


def _links(request: ProjectRequest, export: Export) -> dict[str, Any]:
    """The live links that whoever looks may revoke; the address of each is for its maker alone."""
    found = export.links.live().within_reach(request.user).select_related("user").order_by("-pk")[:50]
    links = []
    for link in found:
        link.export = export
        own = link.user_id == request.user.pk
        links.append((link, request.build_absolute_uri(link.path()) if own else ""))
    return {"links": links, "lives": LIVES}


def _contents(request: ProjectRequest, export: Export, profile: str) -> Contents | None:
    """From the manifest; None for an export that was withdrawn and swept."""
    try:
        made, files, (head, card) = manifest_of(export), files_of(export), card_of(export)
    except BadInput:
        return None
    loading = _loading(request, export, profile, files, made["configs"][profile]["columns"])
    ways = [] if withdrawn(export) else snippets(loading) + hub_snippets(loading, _reach(request, export))
    return Contents(profile, made, files, ways, _within_page(card[:CARD_SHOWN]), head)


def _within_page(card: str) -> SafeString:
    """The text of a card as HTML without its title, its headings below those of the page."""
    text = card.strip().partition("\n")[2] if card.lstrip().startswith("# ") else card
    html = show(text).html
    for was, now in WITHIN_PAGE.items():
        html = html.replace(was, now)
    return mark_safe(html)


def _loading(
    request: ProjectRequest, export: Export, profile: str, files: list[Delivered], columns: dict[str, str]
) -> Loading:
    parts = {"project": request.project.name, "mixture": export.mixture.name, "number": export.number}
    address = reverse("api-1:export-file", kwargs=parts | {"path": "-"}).removesuffix("-")
    own = [file.path for file in files if file.profile == profile]
    parquet = [path for path in own if path.endswith(".parquet")]
    return Loading(
        name=f"{export.mixture.name}-{export.number}",
        profile=profile,
        address=request.build_absolute_uri(address),
        folder=store().full(export.folder) if store().local else "",
        files=parquet or own,
        formats=len({path.rpartition(".")[2] for path in own}),
        lines=[path for path in own if path.endswith(".jsonl")],
        tools="tools" in columns or any("tool_calls" in kind for kind in columns.values()),
    )


def _reach(request: ProjectRequest, export: Export) -> Reach:
    """The Hub's address, and the link that whoever looks has made, if it lives."""
    link = export.links.live().filter(user=request.user.pk).order_by("expires").last()
    if link:
        link.export = export
    return Reach(
        endpoint=request.build_absolute_uri(reverse("hub:root")).rstrip("/"),
        repository=f"{request.project.name}/{export.mixture.name}",
        revision=f"v{export.number}",
        link=request.build_absolute_uri(link.path()) if link else "",
    )


@require_GET
@viewing
def export_row(request: ProjectRequest, mixture: str, number: int) -> HttpResponse:
    """`?id=` of a row, as a file or its provenance has it: on to its page, which says where it is from."""
    found = _export(request, mixture, number)
    asked = plain(request.GET.get("id")).strip()
    if not asked:
        return redirect(found)
    version = found.version
    if version.purged or not find_row(version, asked, ["id"]):
        return _shown(request, found, status=422, lost=f"{found} has no row {asked[:80]}.", sought=asked)
    return redirect("row", request.project, version.dataset.name, version.number, asked)


@require_safe
@viewing
def export_file(request: ProjectRequest, mixture: str, number: int, path: str) -> HttpResponseBase:
    """One file of a published export, as its manifest names it."""
    found = _export(request, mixture, number)
    if withdrawn(found):
        return _gone(request, found)
    if said := withheld(found):
        return render(request, "refused.html", {"error": said}, status=403)
    return deliver(request, found, path)


def _gone(request: ProjectRequest, export: Export) -> HttpResponse:
    context = {"export": export, "sentence": withdrawn(export)}
    return render(request, "curation/export_withdrawn.html", context, status=410)


@require_POST
@curating
def export_withdraw(request: ProjectRequest, mixture: str, number: int) -> HttpResponse:
    """Take it back, with a reason that everybody who asks for its files is told."""
    found = _export(request, mixture, number)
    reason = plain(request.POST.get("reason"))
    try:
        Export.objects.filter(pk=found.pk).withdraw(reason, by=request.user)
    except DataError as error:
        return _shown(request, found, status=422, refusal=str(error))
    return redirect(found)
