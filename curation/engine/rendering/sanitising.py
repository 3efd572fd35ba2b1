"""
What a text may bring to a page. Lists of what is allowed, nothing is searched for.

Headings, tables and code yes; images, forms, frames, styles, ids and addresses within this site no.
"""

import nh3

from curation.engine.rendering.highlighting import CLASSES

TAGS = frozenset((
    "a", "blockquote", "br", "code", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre",
    "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
))  # fmt: skip
SCHEMES = frozenset(("http", "https", "mailto"))
ALIGNED = {"align": {"left", "center", "right"}}

_cleaner = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags=set(),
    attributes={"*": set(), "a": {"href"}, "ol": {"start"}},
    tag_attribute_values={"td": ALIGNED, "th": ALIGNED},
    allowed_classes={"pre": {"highlight"}, "span": set(CLASSES)},
    url_schemes=set(SCHEMES),
    url_relative="deny",
    link_rel="nofollow noopener noreferrer",
)


def sanitised(html: str) -> str:
    """
    The HTML without anything that is not on the lists. Non-breaking spaces come back as the characters they are.
    """
    return _cleaner.clean(html).replace("&nbsp;", "\u00a0")
