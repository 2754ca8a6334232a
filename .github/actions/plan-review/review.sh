#!/usr/bin/env bash
# Run the review, keep its exit code for the last step, and put the comment into the summary of the job.
set -uo pipefail

comment="${RUNNER_TEMP:-/tmp}/trackway-plan-review.md"
rm -f "$comment"
arguments=("$DIRECTORY" --against "origin/$BASE" --fail-on "${FAIL_ON:-error}" --format github --comment "$comment")
if [ -n "${EVIDENCE:-}" ]; then
  arguments+=(--evidence "$EVIDENCE")
fi
# An empty variable is not an address.
[ -n "${TRACKWAY_WAREHOUSE:-}" ] || unset TRACKWAY_WAREHOUSE

trackway plan review "${arguments[@]}"
code=$?
case $code in
  0) verdict=pass ;;
  1) verdict=fail ;;
  *) verdict=unknown ;;
esac
{
  echo "code=$code"
  echo "verdict=$verdict"
} >>"$GITHUB_OUTPUT"
if [ -f "$comment" ] && [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  cat "$comment" >>"$GITHUB_STEP_SUMMARY"
fi
exit 0
