#!/usr/bin/env bash
# Write the comment under pull request $NUMBER, or replace the one that an earlier run wrote.
#
# Whether there is one is told by the hidden first line. Who may not write is told so, and the check goes on: the verdict
# does not hang on a comment.
set -euo pipefail

comment="${RUNNER_TEMP:-/tmp}/trackway-plan-review.md"
if [ ! -f "$comment" ]; then
  echo "There is no comment to write: the review did not get that far."
  exit 0
fi

write() {
  local comments id
  comments=$(gh api --paginate "repos/$GITHUB_REPOSITORY/issues/$NUMBER/comments?per_page=100") || return
  id=$(python3 "$(dirname "$0")/find_comment.py" "$comment" "$AUTHOR" <<<"$comments") || return
  if [ -n "$id" ]; then
    gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" -F "body=@$comment" >/dev/null
  else
    gh api --method POST "repos/$GITHUB_REPOSITORY/issues/$NUMBER/comments" -F "body=@$comment" >/dev/null
  fi
}

if ! write; then
  echo "::warning title=plan-review::The comment could not be written. The job needs \`permissions: pull-requests: write\`;" \
    "pull requests from forks never have it. The review itself is in the summary of this job."
fi
