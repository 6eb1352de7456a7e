// SPDX-License-Identifier: GPL-2.0-or-later
// The first page: what came of the run, and where to look first.

const FEW = 10;

function overview() {
  const found = counts(cases);
  return h("div", {class: "page"},
    h("h1", {class: "unseen"}, "Overview"),
    totals(found),
    h("div", {class: "columns"},
      h("div", {class: "main"}, problems(), flaky(), skips(), files()),
      h("aside", {"aria-label": "About the run"}, aboutRun(), slowest())));
}

function totals(found) {
  const shown = OUTCOMES.filter((outcome) => found[outcome]);
  return h("section", {class: "totals", "aria-label": "Counts"},
    h("div", {class: "numbers"},
      shown.map((outcome) => h("a", {class: `total ${outcome}`, href: fresh({view: "cases", outcome})},
        h("strong", null, count(found[outcome])), h("span", null, `${LOOKS[outcome].mark} ${outcome}`))),
      cases.length ? null : h("p", {class: "empty"}, "Nothing ran.")),
    bar(found));
}

/** Shares of the outcomes; every one that is there can be seen. */
function bar(found) {
  const shown = OUTCOMES.filter((outcome) => found[outcome]);
  const said = shown.map((outcome) => `${found[outcome]} ${outcome}`).join(", ");
  return h("div", {class: "share", role: "img", "aria-label": said},
    shown.map((outcome) => h("span", {class: outcome, style: {flexGrow: found[outcome]}})));
}

/** Cases that did not pass, those with one and the same reason together. */
function problems() {
  const groups = grouped(["failed", "error"]);
  if (!groups.length) {
    return report.interrupted ? null : h("p", {class: "allwell"}, cases.length ? "No case failed." : "");
  }
  return h("section", {class: "part"}, h("h2", null, "Did not pass"),
    h("ul", {class: "groups"}, groups.map(([reason, of]) => h("li", null,
      h("p", {class: "reason"}, mark(worst(of)), " ", h("span", {class: "said"}, visible(reason) || "(no reason given)"),
        of.length > 1 ? h("small", null, ` ${plural(of.length, "case")}`) : null),
      h("ul", null, of.slice(0, FEW).map(caseLink),
        of.length > FEW ? h("li", null, h("a", {href: fresh({view: "cases", outcome: "failed,error", q: words(reason)})},
          `and ${of.length - FEW} more`)) : null)))));
}

function grouped(outcomes) {
  const groups = new Map();
  for (const of of cases) {
    if (!outcomes.includes(of.outcome)) continue;
    // Of the one reason with other numbers in it, the first speaks for all.
    const key = of.reason.replace(/\d+/g, "0");
    if (!groups.has(key)) groups.set(key, [of.reason, []]);
    groups.get(key)[1].push(of);
  }
  return [...groups.values()].sort((a, b) => b[1].length - a[1].length);
}

/** What finds all reasons of a group: the words without a number. */
function words(reason) {
  return reason.split(/\s+/).filter((word) => word && !/\d/.test(word)).join(" ");
}

function caseLink(of) {
  return h("li", null, h("a", {href: fresh({view: "cases", case: of.key})}, of.label));
}

function flaky() {
  const found = cases.filter((of) => of.flaky);
  if (!found.length) return null;
  return h("section", {class: "part"}, h("h2", null, "Flaky: passed, but not at once"),
    h("ul", {class: "plainlist"}, found.slice(0, FEW).map((of) => h("li", null, mark("flaky"), " ",
      h("a", {href: fresh({view: "cases", case: of.key})}, of.label),
      h("small", null, ` attempt ${of.attempts + 1}`)))),
    found.length > FEW ? h("a", {href: fresh({view: "cases", outcome: "flaky"})}, `and ${found.length - FEW} more`) : null);
}

function skips() {
  const groups = grouped(["skipped"]);
  if (!groups.length) return null;
  return h("section", {class: "part"}, h("h2", null, "Skipped"),
    h("ul", {class: "plainlist"}, groups.map(([reason, of]) => h("li", null, mark("skipped"), " ",
      h("a", {href: fresh({view: "cases", outcome: "skipped", q: words(reason)})},
        `${plural(of.length, "case")}: ${visible(reason)}`)))));
}

function files() {
  const byFile = new Map();
  for (const of of cases) {
    if (!byFile.has(of.file)) byFile.set(of.file, []);
    byFile.get(of.file).push(of);
  }
  if (!byFile.size) return null;
  const rows = [...byFile].map(([file, of]) => [
    mark(worst(of)), h("a", {href: fresh({view: "cases", cell: new URLSearchParams({file}).toString()})}, file),
    bar(counts(of)), count(of.length), seconds(of.reduce((sum, one) => sum + one.wall, 0)),
  ]);
  return section("Files", table([{unseen: "Outcome", class: "tight"}, {text: "File"}, {unseen: "Shares", class: "sharecell"},
    {text: "Cases", class: "number"}, {text: "Wall", class: "number"}], rows, {label: "Files", class: "files"}));
}

function aboutRun() {
  const facts = [
    ["Started", report.started], ["Took", seconds(report.wall)], ["Cases", count(cases.length)],
    ["hvlab", report.hvlab], ...Object.entries(report.host).filter(([name]) => name !== "hvlab"),
    ...(report.history.length ? [["Earlier runs", count(report.history.length)]] : []),
  ];
  return section("Run",
    report.interrupted ? h("p", {class: "why"}, "The run was interrupted: this is what was done until then.") : null,
    h("dl", {class: "properties"}, facts.map(([name, value]) => [h("dt", null, name), h("dd", null, visible(value))])));
}

function slowest() {
  const ran = cases.filter((of) => of.wall > 0).sort((a, b) => b.wall - a.wall).slice(0, FEW);
  if (ran.length < 2) return null;
  return section("Slowest", h("ol", {class: "slowest"}, ran.map((of) => h("li", null,
    h("a", {href: fresh({view: "cases", case: of.key, sort: "slow"})},
      h("span", {class: "name"}, of.label.split("/").at(-1)), h("span", {class: "time"}, seconds(of.wall))),
    h("span", {class: "length", style: {width: `${of.wall / ran[0].wall * 100}%`}})))));
}
