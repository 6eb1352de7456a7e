// SPDX-License-Identifier: GPL-2.0-or-later
// Cases as a table: two axes are chosen, a cell has the outcome of all cases that stand there.

const NONE = "\u2014";

/** The text of a case's value on an axis: `scenario`, `file`, `backend`, `repetition`, or `=NAME` of its matrix. */
function valueOf(of, axis) {
  if (axis.startsWith("=")) return own(of.parameters, axis.slice(1)) ?? "";
  if (axis === "scenario") return `${of.file}::${of.scenario}`;
  if (axis === "repetition") return String(of.repetition + 1);
  return of[axis];
}

function axisName(axis) {
  return axis.startsWith("=") ? axis.slice(1) : axis;
}

function valueName(axis, value) {
  if (axis === "scenario") return value.split("::").at(-1);
  return value === "" ? NONE : value;
}

/** Axes on which these cases differ, those of their matrix first. */
function axesOf(of) {
  const named = [...new Set(of.flatMap((one) => Object.keys(one.parameters)))].map((name) => `=${name}`);
  const differing = [...named, "backend", "repetition", "scenario", "file"]
    .filter((axis) => new Set(of.map((one) => valueOf(one, axis))).size > 1);
  // An axis `backend` of the matrix says nothing that the backend does not.
  const twice = of.every((one) => (own(one.parameters, "backend") ?? one.backend) === one.backend);
  return twice ? differing.filter((axis) => axis !== "=backend") : differing;
}

function matrix() {
  const scenarios = [...new Set(cases.map((of) => valueOf(of, "scenario")))];
  const of = state.scenario ? cases.filter((one) => valueOf(one, "scenario") === state.scenario) : cases;
  const axes = axesOf(of);
  const rows = axes.includes(state.rows) ? state.rows
    : !state.scenario && axes.includes("scenario") ? "scenario" : axes[0] ?? "scenario";
  const columns = axes.includes(state.columns) && state.columns !== rows ? state.columns
    : axes.find((axis) => axis !== rows && !(rows === "scenario" && axis === "file")) ?? "backend";
  const named = axes.map((axis) => [axis, axisName(axis)]);
  return h("div", {class: "page"}, h("h1", null, "Matrix"),
    h("div", {class: "toolbar"},
      choice("Scenario", [["", "all"], ...scenarios.map((one) => [one, valueName("scenario", one)])], state.scenario,
        (scenario) => go({scenario, rows: "", columns: ""})),
      choice("Rows", named, rows, (axis) => go({rows: axis, columns: axis === columns ? rows : columns})),
      choice("Columns", named, columns, (axis) => go({columns: axis, rows: axis === rows ? columns : rows}))),
    matrixTable(of, rows, columns), legend(of));
}

function matrixTable(of, rows, columns) {
  const places = new Map();
  for (const one of of) {
    const row = valueOf(one, rows);
    if (!places.has(row)) places.set(row, new Map());
    const cells = places.get(row);
    const column = valueOf(one, columns);
    if (!cells.has(column)) cells.set(column, []);
    cells.get(column).push(one);
  }
  const heads = [...new Set(of.map((one) => valueOf(one, columns)))];
  return h("div", {class: "scroll matrixbox", tabindex: 0, role: "region", "aria-label": "Matrix"}, h("table", {class: "matrix"},
    h("thead", null, h("tr", null,
      h("th", {scope: "col", class: "corner"}, `${axisName(rows)} \u2193  ${axisName(columns)} \u2192`),
      heads.map((head) => h("th", {scope: "col"}, valueName(columns, head))))),
    h("tbody", null, [...places].map(([row, cells]) => h("tr", null,
      h("th", {scope: "row", title: row}, valueName(rows, row)),
      heads.map((head) => matrixCell(cells.get(head) ?? [], {[rows]: row, [columns]: head})))))));
}

function matrixCell(of, at) {
  if (!of.length) return h("td", {class: "none"}, h("span", {class: "unseen"}, "no case"));
  const outcome = worst(of);
  const same = of.filter((one) => one.shown === outcome).length;
  const where = {...(state.scenario ? {scenario: state.scenario} : {}), ...at};
  const href = of.length === 1 ? fresh({view: "cases", case: of[0].key})
    : fresh({view: "cases", cell: new URLSearchParams(where).toString()});
  const said = of.length === 1 ? LOOKS[outcome].text : `${same} of ${of.length} ${LOOKS[outcome].text}`;
  return h("td", {class: `cell ${outcome}`}, h("a", {href, title: of.length === 1 ? of[0].reason || said : said},
    h("span", {"aria-hidden": "true"}, LOOKS[outcome].mark), of.length > 1 ? ` ${same}/${of.length}` : null,
    h("span", {class: "unseen"}, said)));
}

function legend(of) {
  const found = counts(of);
  return h("p", {class: "legend"}, OUTCOMES.filter((outcome) => found[outcome]).map((outcome) =>
    h("span", null, mark(outcome), ` ${outcome} ${count(found[outcome])}`)));
}
