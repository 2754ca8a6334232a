"""accepted.yaml written: entries added or renewed, with comments and order kept; and the command that does so."""

from __future__ import annotations

import io
import os
import shlex
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from ..findings import Finding

_NEW = "# Findings of `trackway plan breaking` that may pass, each until its day.\naccepted: []\n"


def accept_command(fingerprints: Iterable[str], directory: Path, against: str) -> str:
    """The command that accepts these findings of the plan in a directory, to paste into a shell."""
    words = ["trackway", "plan", "accept", *fingerprints]
    words += [] if directory.as_posix() == "tracking_plan" else ["--dir", str(directory)]
    return f"{shlex.join([*words, '--against', against])} --reason … --until …"


def write_accepted(path: Path, found: Iterable[Finding], reason: str, until: date, author: str = "") -> None:
    """Add an entry for each finding, or renew the one that is there; the file appears whole or not at all."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    whole: Any = yaml.load(path.read_text(encoding="utf-8") if path.is_file() else _NEW)
    entries: Any = whole["accepted"]
    if not entries:  # `[]` would stay on one line
        entries = whole["accepted"] = CommentedSeq()
    entries.fa.set_block_style()
    by_fingerprint = {str(entry["fingerprint"]): entry for entry in entries}
    for finding in found:
        said: dict[str, str] = {"fingerprint": finding.fingerprint, "reason": reason, "until": until.isoformat()}
        said |= {"author": author} if author else {}
        entry = by_fingerprint.get(finding.fingerprint)
        if entry is not None:
            entry.update(said)
            continue
        entries.append(CommentedMap(said))
        entries.yaml_set_comment_before_after_key(len(entries) - 1, before=_described(finding), indent=2)
    out = io.StringIO()
    yaml.dump(whole, out)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(out.getvalue(), encoding="utf-8")
    scratch.replace(path)


def _described(finding: Finding) -> str:
    """What was accepted, for whoever reads the file: `ingest: choice-removed of payment_method, order_completed`."""
    whose = f"{finding.audience}: " if finding.audience else ""
    names = " of ".join(filter(None, (finding.path, finding.event)))
    return f"{whose}{finding.rule}" + (f": {names}" if names else "")
