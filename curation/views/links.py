from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST, require_safe

from curation.access import REFUSALS, ProjectRequest, Role, viewing
from curation.asked import number as whole
from curation.delivery import deliver, withdrawn
from curation.gates import withheld
from curation.models import Export, Link

PLAIN = "text/plain; charset=utf-8"
NO_LINK = "There is no such link: the address was cut short or changed on its way."


@require_safe
@login_not_required
def by_link(request: HttpRequest, signed: str, folder: str, path: str) -> HttpResponseBase:
    """A file for whoever has the link; what stands in the way is a sentence, for whoever reads a program's log."""
    link = Link.objects.signed(signed)
    if link is None or link.folder != folder:
        return HttpResponse(NO_LINK, status=404, content_type=PLAIN)
    if said := link.closed:
        return HttpResponse(said, status=403, content_type=PLAIN)
    if said := withdrawn(link.export):
        return HttpResponse(said, status=410, content_type=PLAIN)
    if said := withheld(link.export):
        return HttpResponse(said, status=403, content_type=PLAIN)
    link.used()
    try:
        return deliver(request, link.export, path)
    except Http404 as error:
        return HttpResponse(str(error), status=404, content_type=PLAIN)


@require_POST
@viewing
def link_new(request: ProjectRequest, mixture: str, number: int) -> HttpResponse:
    """Whoever may read an export may let a program do so for some days."""
    found = Export.objects.select_related("mixture__project").filter(mixture__project=request.project)
    export = get_object_or_404(found, mixture__name=mixture, number=number)
    Link.objects.make(export, whole(request.POST.get("days", "")) or 0, by=request.user)
    return redirect(export.get_absolute_url() + "#links")


@require_POST
@viewing
def link_revoke(request: ProjectRequest, pk: int) -> HttpResponse:
    """One's own; admins those of everybody."""
    link = get_object_or_404(request.project.links.select_related("export__mixture__project"), pk=pk)
    reach = request.project.links.within_reach(request.user).filter(pk=pk)
    if not reach.exists():
        raise PermissionDenied(REFUSALS[Role.ADMIN].format(project=request.project))
    reach.revoke(by=request.user)
    messages.success(request, "The link is revoked: whoever uses it is refused from now on.")
    return redirect(link.export.get_absolute_url() + "#links")


@require_POST
@viewing
def links_revoke(request: ProjectRequest) -> HttpResponse:
    """All of one's own in the project at once."""
    count = request.project.links.filter(user=request.user.pk).revoke(by=request.user)
    messages.success(request, f"Links of yours that were revoked: {count}.")
    return redirect("tokens", request.project)
