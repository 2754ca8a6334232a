#!/usr/bin/env bash
# Make origin/$BASE known, with enough history to tell where this branch left it.
set -euo pipefail

if [ -z "${BASE:-}" ]; then
  echo "::error title=plan-review::There is no base branch: run this on pull_request, or give the input \`against\`."
  exit 2
fi
shallow=()
if [ "$(git rev-parse --is-shallow-repository)" = true ]; then
  shallow=(--unshallow)
fi
git fetch --quiet --no-tags "${shallow[@]}" origin "+refs/heads/$BASE:refs/remotes/origin/$BASE"
