"""How numbers, times and states are said on every page."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

register = template.Library()
MINUTE = timedelta(minutes=1)
STATES = {
    "queued": "waiting",
    "open": "waiting",
    "stale": "stopped",
    "paused": "stopped",
    "cancelled": "stopped",
    "withdrawn": "stopped",
    "passed": "done",
    "published": "done",
}


@register.filter
def count(number: Any) -> str:
    """1234 → 1,234; a dash for what is not known; a true minus."""
    if number is None or number == "":
        return "–"
    return f"{int(number):,}".replace("-", "−")


@register.filter
def decimal(number: Any, places: int = 2) -> str:
    return "–" if number is None else f"{float(number):,.{places}f}".replace("-", "−")


@register.filter
def percent(share: Any, places: int = 1) -> str:
    """0.1234 → 12.3 %; never "0.0 %" for something."""
    if share is None:
        return "–"
    value = 100 * float(share)
    if 0 < value < 10**-places:
        return f"< {10**-places:.{places}f} %"
    return f"{value:,.{places}f} %"


@register.filter
def size(number: Any) -> str:
    return str(filesizeformat(number))


@register.filter
def share(number: Any, of: Any) -> str:
    """A ratio as CSS takes it: 0 to 1, four places."""
    return f"{min(1.0, float(number or 0) / float(of)) if of else 0.0:.4f}"


@register.filter
def ago(at: datetime | str | None) -> SafeString | str:
    """How long ago, with the exact time on hover."""
    if not isinstance(at, datetime):
        return "–"
    local = timezone.localtime(at)
    said = f"{timesince(at, depth=1)} ago" if timezone.now() - at >= MINUTE else "just now"
    if at > timezone.now():
        said = f"in {timesince(timezone.now(), at, depth=1)}"
    exact = local.strftime("%-d %b %Y, %H:%M:%S %Z")
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), exact, said)


@register.filter
def state(status: str) -> SafeString:
    """A status as a shape and a word."""
    return format_html('<span class="state" data-is="{}">{}</span>', STATES.get(status, status), status)


@register.filter
def at(mapping: Any, key: Any) -> Any:
    """The value of a key that a template computes."""
    return mapping.get(key) if hasattr(mapping, "get") else None


@register.filter
def hundred(share: Any, places: int = 2) -> str:
    """A share as per cent without the sign, where a caption says it: 0.0123 → 1.23."""
    return f"{100 * float(share):.{places}f}"
