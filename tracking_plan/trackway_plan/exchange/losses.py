"""What an import or export could not carry over, line by line."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from ..findings import Finding, Severity


class Loss(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that the other side cannot say."""

    where: str
    """In an import the JSON pointer into the input, `#/rules/3/jsonSchema/properties/total`; in an export the event."""
    what: str
    """What was lost, in the words of the input: `multipleOf: 0.01`."""
    why: str
    """The reason, and what stands there instead."""
    file: str = ""
    line: int = 0
    column: int = 0
    event: str = ""
    path: str = ""
    """The property, as people write it: `items[].price`; "" for the event or the plan itself."""

    def __str__(self) -> str:
        return f"{self.file}{self.where}: {self.what}: {self.why}"

    def finding(self) -> Finding:
        """The same for a `Report`; `before` is what was lost."""
        return Finding(
            rule="lost",
            severity=Severity.WARN,
            message=f"{self.what}: {self.why}"
            if self.line and not self.where.startswith("#")
            else f"{self.where}: {self.what}: {self.why}",
            event=self.event,
            path=self.path,
            before=self.what,
            file=self.file,
            line=self.line,
            column=self.column,
            data={"where": self.where},
        )


@dataclass
class Losses:
    """Collects losses of one input; `event` and `file` are where the reader is now."""

    file: str = ""
    event: str = ""
    found: list[Loss] = field(default_factory=list)

    def add(self, where: str, what: str, why: str, path: str = "") -> None:
        """Note that `what`, at `where`, was lost because of `why`."""
        self.found.append(Loss(where=where, what=what, why=why, file=self.file, event=self.event, path=path))
