"""Types that the operations share: what can be in an address or a filter, so that nothing else reaches the database."""

from typing import Annotated

from ninja import Path

from curation.paging import LARGEST

Name = Annotated[str, Path(max_length=120, pattern=r"^[-a-zA-Z0-9_]+$")]
Key = Annotated[int, Path(ge=1, le=LARGEST)]
PLAIN = r"^[^\x00]*$"
