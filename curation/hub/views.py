import json
from typing import Any

import yaml
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from curation.asked import number
from curation.delivery import DESCRIPTION, card_of, deliver, described, files_of, named
from curation.hub.errors import Missing, no_entry, no_repository
from curation.hub.repositories import HubRequest, export_at, exports_in, hub_view
from curation.hub.trees import Entry, below, entries, sibling
from curation.models import Export

PAGE = 1000
PATHS = 10_000


@require_safe
@hub_view
def info(request: HubRequest, project: str, mixture: str, revision: str = "main") -> HttpResponseBase:
    """`HfApi.dataset_info`."""
    export = export_at(request, project, mixture, revision)
    head = _head(export)
    blobs = request.GET.get("blobs", "").lower() in ("true", "1")
    files = files_of(export)
    first = exports_in(request, project, mixture).last() or export
    told = {
        "id": f"{project}/{mixture}",
        "author": project,
        "sha": export.commit,
        "createdAt": _time(first),
        "lastModified": _time(export),
        "private": True,
        "gated": False,
        "disabled": False,
        "tags": _tags(head),
        "cardData": head,
        "siblings": [sibling(file, blobs) for file in files],
        "usedStorage": sum(file.bytes for file in files),
    }
    return JsonResponse(told)


def _head(export: Export) -> dict[str, Any]:
    """The YAML that the card begins with, as plain JSON."""
    told: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(card_of(export)[0]) or {}, default=str))
    return told


def _tags(head: dict[str, Any]) -> list[str]:
    """What the Hub makes of a card: its tags, and some fields with their names before them."""
    tags = list(head.get("tags") or [])
    for name in ("license", "language", "task_categories", "size_categories"):
        values = head.get(name) or []
        tags += [f"{name}:{value}" for value in ([values] if isinstance(values, str) else values)]
    return tags


def _time(export: Export) -> str:
    return export.created.strftime("%Y-%m-%dT%H:%M:%S.") + f"{export.created.microsecond // 1000:03}Z"


@require_safe
@hub_view
def tree(request: HubRequest, project: str, mixture: str, revision: str, path: str = "") -> HttpResponseBase:
    """`HfApi.list_repo_tree`, in pages that `Link` leads through."""
    export = export_at(request, project, mixture, revision)
    found, folder = entries(files_of(export)), path.strip("/")
    if folder and (folder not in found or found[folder].file is not None):
        raise no_entry(f"{export} has no folder {folder}.", export.commit)
    listed = below(found, folder, _true(request.GET, "recursive"))
    first = number(request.GET.get("cursor", "")) or 0
    size = min(number(request.GET.get("limit", "")) or PAGE, PAGE)
    commit = _last_commit(export) if _true(request.GET, "expand") else None
    response = JsonResponse([one.told(commit) for one in listed[first : first + size]], safe=False)
    if first + size < len(listed):
        query = request.GET.copy()
        query["cursor"] = str(first + size)
        response.headers["Link"] = f'<{request.build_absolute_uri("?" + query.urlencode())}>; rel="next"'
    return response


def _true(asked: QueryDict, name: str) -> bool:
    return asked.get(name, "").lower() in ("true", "1")


def _last_commit(export: Export) -> dict[str, str]:
    return {"id": export.commit, "title": str(export), "date": _time(export)}


@require_POST
@hub_view
def paths_info(request: HubRequest, project: str, mixture: str, revision: str) -> HttpResponseBase:
    """`HfApi.get_paths_info`: of the paths that exist."""
    export = export_at(request, project, mixture, revision)
    paths, expand = _paths(request)
    found = entries(files_of(export))
    commit = _last_commit(export) if expand else None
    wished: list[Entry] = [found[path] for path in dict.fromkeys(paths) if path in found]
    return JsonResponse([one.told(commit) for one in wished], safe=False)


def _paths(request: HubRequest) -> tuple[list[str], bool]:
    """As a form, which is what huggingface_hub sends, or as JSON, which the Hub takes as well."""
    if request.content_type != "application/json":
        return request.POST.getlist("paths")[:PATHS], _true(request.POST, "expand")
    try:
        told = json.loads(request.body)
        paths, expand = told["paths"], bool(told.get("expand"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Missing("The body needs a list of paths.", status=400) from None
    listed = paths if isinstance(paths, list) else [paths]
    return [path for path in listed if isinstance(path, str)][:PATHS], expand


@require_safe
@hub_view
def refs(request: HubRequest, project: str, mixture: str) -> HttpResponseBase:
    """`HfApi.list_repo_refs`: `main`, and a tag for each published export."""
    found = list(exports_in(request, project, mixture).published())
    tags = [_ref(f"v{one.number}", f"refs/tags/v{one.number}", one) for one in found]
    branches = [_ref("main", "refs/heads/main", one) for one in found[:1]]
    return JsonResponse({"branches": branches, "tags": tags, "converts": [], "pullRequests": []})


def _ref(name: str, ref: str, export: Export) -> dict[str, str]:
    return {"name": name, "ref": ref, "targetCommit": export.commit}


@require_safe
@hub_view
def resolve(request: HubRequest, project: str, mixture: str, revision: str, path: str) -> HttpResponseBase:
    """`hf_hub_download` and whatever streams: a file, or a range of it."""
    export = export_at(request, project, mixture, revision)
    file = named(export, path)
    if file is None:
        raise no_entry(f"{export} has no file {path}.", export.commit)
    response = deliver(request, export, path)
    response.headers["X-Repo-Commit"] = export.commit
    response.headers["X-Linked-Size"] = str(file.bytes)
    response.headers["X-Linked-ETag"] = f'"{file.sha256}"'
    return response


@require_safe
@hub_view
def croissant(request: HubRequest, project: str, mixture: str) -> HttpResponseBase:
    """The newest export as data set search engines read it, its files at their addresses on this Hub."""
    export = export_at(request, project, mixture, "main")
    if named(export, DESCRIPTION) is None:
        raise no_entry(f"{export} was made before exports had a Croissant description.", export.commit)
    address = reverse("hub:resolve", args=[project, mixture, export.commit, "-"]).removesuffix("-")
    told = described(export, request.build_absolute_uri(address))
    return HttpResponse(told, content_type="application/ld+json")


@require_safe
@hub_view
def auth_check(request: HubRequest, project: str, mixture: str) -> HttpResponseBase:
    """`HfApi.auth_check`."""
    exports_in(request, project, mixture)
    return JsonResponse({})


@require_safe
@hub_view
def whoami(request: HubRequest) -> HttpResponseBase:
    """`HfApi.whoami`: whose token it is, and that it only reads."""
    token = request.token
    name = token.user.get_username()
    access = {"displayName": token.name, "role": "read", "createdAt": token.created.isoformat()}
    told = {
        "type": "user",
        "id": str(token.user.pk),
        "name": name,
        "fullname": token.user.get_full_name() or name,
        "orgs": [{"type": "org", "name": token.project.name, "fullname": token.project.name}],
        "auth": {"type": "access_token", "accessToken": access},
    }
    return JsonResponse(told)


@csrf_exempt
@login_not_required
def nothing(_request: HttpRequest, path: str = "") -> HttpResponseBase:
    """Models, spaces and whatever else a Hub has."""
    return no_repository(
        "Only the data sets of Winnow are here. Set HF_ENDPOINT for the command that loads them alone: models come "
        "from where they came before."
    ).answer()
