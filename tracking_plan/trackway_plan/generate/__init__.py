"""
Clients generated from a plan: one typed function for each event, in Python and TypeScript.

    Release ─ names (plan's names → identifiers) ─▶ python | typescript ─▶ text ─ files ─▶ written, or compared

The text depends on the release alone, so that `--check` compares it with the file. Retired events are left out,
deprecated ones are marked so that type checkers and editors say it.
"""

from .files import Client, check, client_files, client_text, clients_of, findings, write_atomically

__all__ = ["Client", "check", "client_files", "client_text", "clients_of", "findings", "write_atomically"]
