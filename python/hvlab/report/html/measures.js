// SPDX-License-Identifier: GPL-2.0-or-later
// All measures of the run, beside what they were before.

function measures() {
  const wanted = state.measure;
  const all = cases.flatMap((of) => of.measures.map((measure) => [of, measure]));
  const names = [...new Set(all.map(([, measure]) => measure.name))].sort();
  const shown = all.filter(([of, measure]) =>
    (wanted ? measure.name === wanted : !measure.everywhere) && isShown(of));
  return h("div", {class: "page"}, h("h1", null, "Measures"),
    h("div", {class: "toolbar"},
      choice("Measure", [["", "all"], ...names.map((name) => [name, name])], wanted, (measure) => go({measure})),
      h("span", {class: "dim"}, report.history.length
        ? `compared with ${plural(report.history.length, "earlier run")}: ${report.history.map((run) => run.name).join(", ")}`
        : "no earlier runs to compare with (--history FILE)")),
    shown.length ? measureTable(shown, true) : h("p", {class: "empty"}, "No case has a measure of its own."));
}

/** A row a measure; one that has earlier values opens its plot below. */
function measureTable(rows, named) {
  const compared = report.history.length > 0;
  const columns = [
    ...(named ? [{text: "Case"}] : []), {text: "Measure"}, {text: "Value", class: "number"}, {text: "Limit"},
    ...(compared ? [{text: "Before", class: "number"}, {text: "Change", class: "number"}, {text: "Runs"}] : []),
  ];
  const bodies = rows.flatMap(([of, measure]) => {
    const row = h("tr", null,
      named ? h("td", null, h("a", {href: fresh({view: "cases", case: of.key}), title: of.label}, nameOf(of))) : null,
      h("td", null, measure.name), h("td", {class: "number", title: measure.text}, quantity(measure.value, measure.unit)),
      h("td", {class: "limit"}, bounds(measure)),
      compared ? comparison(of, measure) : null);
    return compared ? [row, plotRow(row, of, measure, columns.length)] : [row];
  });
  return table(columns, bodies, {label: "Measures", class: "measures"});
}

/** What the scenario holds a measure against: its limit, and its baseline. */
function bounds(measure) {
  const {limit, baseline, tolerance} = measure;
  return [
    limit && h("div", null, mark(measure.held ? "passed" : "failed"), ` ${limit}`),
    baseline !== null && h("div", null, `baseline ${quantity(baseline, measure.unit)}${tolerance && `, ${tolerance}`}`),
  ];
}

function comparison(of, measure) {
  const old = before(of, measure);
  const change = old ? (measure.value - old) / Math.abs(old) * 100 : null;
  const small = change !== null && Math.abs(change) < 0.05;
  return [
    h("td", {class: "number"}, old === null ? "" : quantity(old, measure.unit)),
    h("td", {class: "number"}, change === null ? "" : small ? "\u00b10 %" : `${change > 0 ? "+" : "\u2212"}${Math.abs(change).toFixed(1)} %`),
    h("td", {class: "sparkcell"}),
  ];
}

/** The row that opens below; and the button in the row above that opens it. */
function plotRow(row, of, measure, width) {
  const below = h("tr", {class: "below", hidden: true}, h("td", {colspan: width}));
  const drawing = spark(of, measure);
  if (drawing) {
    const opener = button("", () => {
      below.hidden = !below.hidden;
      opener.setAttribute("aria-expanded", String(!below.hidden));
      if (!below.hidden) below.firstChild.replaceChildren(plot(of, measure));
    }, {class: "plain", "aria-expanded": "false", "aria-label": `Plot of ${measure.name}`});
    opener.append(drawing);
    row.lastChild.append(opener);
  }
  return below;
}
