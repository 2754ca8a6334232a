"""
The plan as a site that people read: one HTML file that needs neither a server nor a network.

    Plan, releases, definitions, volumes ─ contents ─▶ data ─ page ─▶ plan.html

`contents` says what is on the site, as plain data; `properties`, `history` and `used_by` are parts of it. `page` puts
the data into the shell of `static/`, whose script makes every page of it in the browser: text of the plan becomes text
nodes there and is never read as markup. Equal input gives equal bytes.
"""

from __future__ import annotations

from .contents import contents
from .page import page
from .volumes import SourceVolume, Volumes

__all__ = ["SourceVolume", "Volumes", "contents", "page"]
