# SPDX-License-Identifier: GPL-2.0-or-later
"""What mkdocs (mkdocs.yml) does not do by itself: the reference of the scenario language, written anew
for each build from its models, and links to files of the source tree that are no pages.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from hvlab.scenario.reference import DOCUMENT, Topic, topics
from hvlab.sim.experiments import reference as experiments

ROOT = Path(__file__).resolve().parent.parent
_LINK = re.compile(r"\[([^\]]*)\]\(((?:\.\./)+[^)#]*)(#[^)]*)?\)")
_INTRODUCTION = """\
# Reference of the scenario language

Written from the models that check scenarios, as `hvlab explain` is; [the language](scenario-language.md)
in words is another page. Every example is run by a test.

"""
_EXPERIMENTS = """\
# Reference of experiments

Written from the models that check experiments, and from the descriptions of schedulers and workloads, as
`hvlab explain` is; [experiments](simulator-experiments.md) in words are another page.

"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    files.append(File.generated(config, "reference.md", content=reference()))
    text = experiment_reference()
    files.append(File.generated(config, "experiment-reference.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links that leave docs/ become the name of the file: there is no page of it here."""

    def replaced(match: re.Match[str]) -> str:
        target = posixpath.normpath(
            posixpath.join("docs", posixpath.dirname(page.file.src_uri), match[2])
        )
        if target.startswith("docs/") or not (ROOT / target).exists():
            return match[0]  # a page, or a link that leads nowhere, which mkdocs tells
        return f"`{target}`"

    return _LINK.sub(replaced, markdown)


def reference() -> str:
    sections = [topic for topic in topics() if not topic.is_step and topic.name != DOCUMENT]
    steps = [topic for topic in topics() if topic.is_step]
    inside = {
        step.name: [s for s in sections if s.name.startswith(f"{step.name}.")] for step in steps
    }
    below_steps = [topic for group in inside.values() for topic in group]
    document = next(topic for topic in topics() if topic.name == DOCUMENT)
    parts = [_INTRODUCTION, "## Sections\n", _topic(document)]
    parts += [_topic(topic) for topic in sections if topic not in below_steps]
    parts.append("## Steps\n")
    for step in steps:
        parts += [_topic(step), *(_topic(topic) for topic in inside[step.name])]
    return "\n".join(parts)


def experiment_reference() -> str:
    parts = [_EXPERIMENTS, *(_topic(topic) for topic in experiments.topics())]
    return "\n".join(parts)


def _topic(topic: Topic) -> str:
    lines = [
        f"### {topic.name} {{ #{topic.kind}-{topic.name.replace('.', '-')} }}",
        "",
        topic.text,
        "",
    ]
    if topic.keys:
        lines += ["| Key | Value | Default | |", "|---|---|---|---|"]
    for key in topic.keys:
        default = "*required*" if key.required else f"`{key.default}`" if key.default else ""
        lines.append(f"| `{key.name}` | {_cell(key.type)} | {default} | {_cell(key.purpose)} |")
    if topic.short:
        lines += ["", f"Short form: a value alone is its `{topic.short}`."]
    if topic.example:
        lines += ["", "```yaml", topic.example.rstrip(), "```"]
    for name, text in topic.files.items():
        language = "python" if name.endswith(".py") else "yaml"
        lines += ["", f'```{language} title="{name}"', text.rstrip(), "```"]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("${", "&#36;{")
