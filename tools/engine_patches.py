#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine's patches as commits: edit Unicorn's source in a git tree, and write the patches from it.

    tools/engine_patches.py checkout DIR    the pinned source in DIR, one commit a patch
    tools/engine_patches.py write DIR       cpp/backends/unicorn/engine/patches from DIR's commits

A commit's subject is the patch's file name, its body the reasons that stand on top of the patch. To change
a patch, commit with --fixup and `git rebase --autosquash base`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ENGINE = Path(__file__).resolve().parents[1] / "cpp" / "backends" / "unicorn" / "engine"
PATCHES = ENGINE / "patches"
sys.path.insert(0, str(ENGINE))

import prepare_source  # noqa: E402  (beside the patches, not in a package)


def git(tree: Path, *arguments: str, text: str | None = None) -> str:
    command = ["git", "-C", str(tree), *arguments]
    return subprocess.run(command, check=True, text=True, input=text, stdout=subprocess.PIPE).stdout


def checkout(tree: Path) -> None:
    tree.mkdir(parents=True)
    git(tree, "init", "--quiet")
    files = prepare_source.unpack(prepare_source.find_archive(""))

    def commit(message: str) -> None:
        prepare_source.write_changed(files, tree)
        git(tree, "add", "--all", "--force")
        git(tree, "commit", "--quiet", "--file", "-", text=message)

    commit(f"unicorn {prepare_source.VERSION}\n")
    git(tree, "tag", "base")
    for patch in sorted(PATCHES.glob("*.patch")):
        reasons = patch.read_text(encoding="utf-8").split("--- a/", 1)[0].strip("\n")
        prepare_source.apply_patch(patch, files)
        commit(f"{patch.stem}\n\n{reasons}\n")


def write(tree: Path) -> None:
    written: set[Path] = set()
    for commit in git(tree, "rev-list", "--reverse", "base..HEAD").split():
        name, _, reasons = git(tree, "log", "-1", "--format=%B", commit).partition("\n")
        diff = git(tree, "diff", "--no-renames", f"{commit}^", commit).split("\n")
        hunks = [line for line in diff if not line.startswith(("diff --git", "index "))]
        path = PATCHES / f"{name}.patch"
        path.write_text(reasons.strip("\n") + "\n\n" + "\n".join(hunks), encoding="utf-8")
        written.add(path)
    for path in set(PATCHES.glob("*.patch")) - written:
        path.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=["checkout", "write"])
    parser.add_argument("tree", type=Path, metavar="DIR")
    options = parser.parse_args()
    (checkout if options.what == "checkout" else write)(options.tree)
    return 0


if __name__ == "__main__":
    sys.exit(main())
