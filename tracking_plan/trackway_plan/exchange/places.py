"""Where a loss stands in its file: from a JSON pointer to line and column. JSON is read as the YAML that it is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import yaml
from yaml.nodes import MappingNode, Node, SequenceNode

from ..loading.yaml_file import SafeLoader
from .losses import Loss

MAX_BYTES = 4 * 1024 * 1024
"""In larger files losses keep their pointer alone: finding the lines would take longer than the import."""


def with_places(losses: Iterable[Loss]) -> list[Loss]:
    """The losses, where the file can be read with line and column of the innermost thing the pointer reaches."""
    roots: dict[str, Node | None] = {}
    found = []
    for loss in losses:
        if loss.file and not loss.line and loss.where.startswith("#"):
            if loss.file not in roots:
                roots[loss.file] = _root(Path(loss.file))
            loss = _placed(loss, roots[loss.file])
        found.append(loss)
    return found


def _root(path: Path) -> Node | None:
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        # A tab that indents JSON is a mistake in YAML; one column is one character either way.
        text = path.read_text("utf-8-sig").replace("\t", " ")
        node: Node | None = yaml.compose(text, Loader=SafeLoader)
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return None
    return node


def _placed(loss: Loss, root: Node | None) -> Loss:
    if root is None:
        return loss
    mark = root.start_mark
    node: Node | None = root
    for part in loss.where.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == key), None)
            if pair is None:
                break
            mark, node = pair[0].start_mark, pair[1]
        elif isinstance(node, SequenceNode) and key.isdigit() and int(key) < len(node.value):
            node = node.value[int(key)]
            mark = node.start_mark
        else:
            break
    return msgspec.structs.replace(loss, line=mark.line + 1, column=mark.column + 1)
