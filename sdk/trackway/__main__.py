"""`python -m trackway` is the `trackway` command."""

from trackway._command import main

main()
