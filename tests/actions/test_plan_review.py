"""The GitHub Action that reviews a plan: its steps run here in a real repository, with a `gh` that only takes notes."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.git import Repository
from tests.support.house import ROOT

ACTION = ROOT / ".github" / "actions" / "plan-review"
STOREFRONT = ROOT / "tracking_plan" / "examples" / "storefront"

GH = """#!{python}
# Keeps the comments of one pull request in a file, as the API of GitHub would.
import json, pathlib, sys
kept = pathlib.Path({kept!r})
comments = json.loads(kept.read_text()) if kept.exists() else []
arguments = sys.argv[1:]
method = arguments[arguments.index("--method") + 1] if "--method" in arguments else "GET"
if {broken!r}:
    sys.exit("gh: Resource not accessible by integration (HTTP 403)")
if method == "GET":
    # Two pages, one after the other.
    print(json.dumps(comments[:1]) + json.dumps(comments[1:]))
    sys.exit()
body = pathlib.Path(next(a for a in arguments if a.startswith("body=@")).removeprefix("body=@")).read_text()
if method == "POST":
    comments.append({{"id": len(comments) + 1, "user": {{"login": "github-actions[bot]"}}, "body": body}})
else:
    number = int(next(a for a in arguments if a.startswith("repos/")).rsplit("/", 1)[1])
    next(c for c in comments if c["id"] == number)["body"] = body
kept.write_text(json.dumps(comments))
"""


class Runner:
    """Runs the steps of the action as GitHub would: expressions filled in, outputs kept, a failed step ends it."""

    def __init__(self, tmp_path: Path) -> None:
        self.tmp_path = tmp_path
        self.work = tmp_path / "work"
        self.kept = tmp_path / "comments.json"
        self.programs = tmp_path / "bin"
        self.programs.mkdir()
        self.log = ""
        self._program("trackway", f"#!{sys.executable}\nfrom trackway._command import main\nmain()\n")
        self.gh(broken=False)

    def gh(self, *, broken: bool) -> None:
        self._program("gh", GH.format(python=sys.executable, kept=str(self.kept), broken=broken))

    def _program(self, name: str, text: str) -> None:
        path = self.programs / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    @property
    def comments(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.kept.read_text()) if self.kept.exists() else []
        return found

    def run(self, **inputs: str) -> int:
        """The exit code of the action."""
        action = yaml.safe_load((ACTION / "action.yml").read_text())
        values = {f"inputs.{name}": spec["default"] for name, spec in action["inputs"].items()}
        values |= {f"inputs.{name.replace('_', '-')}": value for name, value in inputs.items()}
        values |= {"inputs.token": "t", "github.base_ref": "main", "github.event.pull_request.number": "7"}
        for step in action["runs"]["steps"]:
            output = self.tmp_path / "output"
            output.write_text("")
            environment = {name: self._filled(text, values) for name, text in step.get("env", {}).items()}
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=self.work,
                env=self._environment() | environment,
                capture_output=True,
                text=True,
                check=False,
            )
            self.log += done.stdout + done.stderr
            for line in output.read_text().splitlines():
                name, _, value = line.partition("=")
                values[f"steps.{step['id']}.outputs.{name}"] = value
            if done.returncode:
                return done.returncode
        return 0

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("sdk", "tracking_plan")),
            "HOME": str(self.tmp_path),
            "GITHUB_ACTION_PATH": str(ACTION),
            "GITHUB_OUTPUT": str(self.tmp_path / "output"),
            "GITHUB_STEP_SUMMARY": str(self.tmp_path / "summary.md"),
            "GITHUB_REPOSITORY": "tea/shop",
            "GITHUB_WORKSPACE": str(self.work),
            "RUNNER_TEMP": str(self.tmp_path),
        }

    @staticmethod
    def _filled(text: str, values: dict[str, str]) -> str:
        def value(found: re.Match[str]) -> str:
            names = [name.strip() for name in found[1].split("||")]
            return next((values[name] for name in names if values[name]), "")

        return re.sub(r"\$\{\{(.+?)\}\}", value, text)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A shallow clone on a branch, as actions/checkout makes it; origin's main has the example plan."""
    origin = tmp_path / "origin"
    shutil.copytree(STOREFRONT, origin / "tracking_plan")
    repository = Repository(origin)
    repository.commit("plan")
    repository.branch("change")
    path = origin / "tracking_plan" / "groups" / "money.yaml"
    path.write_text(path.read_text().replace("min: 0", "min: 1"))
    repository.commit("dearer")
    runner = Runner(tmp_path)
    repository("clone", "--quiet", "--depth=1", "--branch=change", f"file://{origin}", str(runner.work))
    return runner


def test_the_action_is_sound_yaml_and_takes_no_text_into_its_shell() -> None:
    """Inputs reach the shell as variables: text in `${{ }}` inside a script would be run."""
    action = yaml.safe_load((ACTION / "action.yml").read_text())
    assert action["runs"]["using"] == "composite"
    for step in action["runs"]["steps"]:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]
    assert all(spec["description"] for spec in action["inputs"].values())


def test_a_breaking_change_fails_with_annotations_summary_and_one_comment(runner: Runner) -> None:
    """The job is red, the line is annotated, and the comment says what to do."""
    assert runner.run() == 1, runner.log
    assert "::error file=tracking_plan/groups/money.yaml,line=4,col=3,title=constraint-tightened" in runner.log
    [comment] = runner.comments
    assert comment["body"].startswith("<!-- trackway-plan-review: tracking_plan -->\n## ❌ Tracking plan: 1 error")
    assert (runner.tmp_path / "summary.md").read_text() == comment["body"]


def test_the_next_run_replaces_the_comment(runner: Runner) -> None:
    """The comment is found among others by its hidden line, also when somebody else has copied it."""
    runner.run()
    first = runner.comments[0]["body"]
    others = [
        {"id": 90, "user": {"login": "mallory"}, "body": first},
        {"id": 91, "user": {"login": "github-actions[bot]"}, "body": "Preview is ready."},
    ]
    runner.kept.write_text(json.dumps([*others, *runner.comments]))
    path = runner.work / "tracking_plan" / "groups" / "money.yaml"
    path.write_text(path.read_text().replace("min: 1", "min: 0"))
    assert runner.run() == 0, runner.log
    mine = runner.comments[-1]
    assert [comment["body"] for comment in runner.comments[:-1]] == [first, "Preview is ready."]
    assert (len(runner.comments), "## ✅ Tracking plan: nothing breaks" in mine["body"]) == (3, True)


def test_two_plans_have_a_comment_each(runner: Runner) -> None:
    """The hidden line names the plan."""
    shutil.copytree(STOREFRONT, runner.work / "other_plan")
    assert runner.run(directory="other_plan") == 0, runner.log
    runner.run()
    assert len(runner.comments) == 2


def test_a_token_that_may_not_write_does_not_decide(runner: Runner) -> None:
    """From a fork there is no comment; the warning says which permission is missing and the verdict stands."""
    runner.gh(broken=True)
    assert runner.run() == 1
    assert "::warning title=plan-review::The comment could not be written." in runner.log
    assert "pull-requests: write" in runner.log


def test_what_cannot_be_loaded_is_not_taken_for_a_pass(runner: Runner) -> None:
    """A directory without a plan ends with exit code 3, and no comment is written."""
    assert runner.run(directory="nowhere") == 3
    assert runner.comments == []
    assert "there is no plan here" in runner.log


def test_without_a_base_branch_the_action_says_how_to_name_one(runner: Runner) -> None:
    """Run on a push, it asks for `against`; an unknown branch is Git's own message."""
    script = {**os.environ, "BASE": ""}
    done = subprocess.run(["bash", str(ACTION / "fetch.sh")], env=script, capture_output=True, text=True, check=False)
    assert (done.returncode, "give the input `against`" in done.stdout) == (2, True)
