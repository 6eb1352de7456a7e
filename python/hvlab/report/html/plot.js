// SPDX-License-Identifier: GPL-2.0-or-later
// A measure over the runs: the earlier ones, and this one at the end.

/** The values of a measure by run: [run, value], where run `report.history.length` is this one. */
function series(of, measure) {
  const earlier = own(own(report.series, of.id), measure.name) ?? [];
  const now = cases.filter((other) => other.id === of.id).flatMap((other) => other.measures)
    .filter((other) => other.name === measure.name).map((other) => [report.history.length, other.value]);
  return [...earlier, ...now];
}

function middle(values) {
  const ordered = [...values].sort((a, b) => a - b);
  const half = ordered.length >> 1;
  return ordered.length % 2 ? ordered[half] : (ordered[half - 1] + ordered[half]) / 2;
}

/** The median of the last earlier run that has the measure; null if none has. */
function before(of, measure) {
  const earlier = own(own(report.series, of.id), measure.name) ?? [];
  if (!earlier.length) return null;
  const last = Math.max(...earlier.map(([run]) => run));
  return middle(earlier.filter(([run]) => run === last).map(([, value]) => value));
}

/** Medians by run. */
function medians(points) {
  const runs = new Map();
  for (const [run, value] of points) runs.set(run, [...(runs.get(run) ?? []), value]);
  return [...runs].sort((a, b) => a[0] - b[0]).map(([run, values]) => [run, middle(values)]);
}

function scale(points, width, height, pad) {
  const values = points.map(([, value]) => value);
  const most = Math.max(...values);
  const least = Math.min(...values);
  const span = most - least || Math.abs(most) || 1;
  const low = most === least ? least - span / 2 : least;
  const runs = Math.max(report.history.length, 1);
  return {
    most, least,
    x: (run) => pad.left + run / runs * (width - pad.left - pad.right),
    y: (value) => height - pad.bottom - (value - low) / span * (height - pad.top - pad.bottom),
  };
}

function path(points, at) {
  return points.map(([run, value], index) => `${index ? "L" : "M"}${at.x(run).toFixed(1)} ${at.y(value).toFixed(1)}`).join("");
}

/** A small one, for a row of a table. */
function spark(of, measure) {
  const points = series(of, measure);
  if (new Set(points.map(([run]) => run)).size < 2) return "";
  const [width, height] = [110, 22];
  const at = scale(points, width, height, {left: 3, right: 4, top: 3, bottom: 3});
  const line = medians(points);
  const [run, value] = line.at(-1);
  return s("svg", {class: "spark", width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `${measure.name}: ${line.map((point) => quantity(point[1], measure.unit)).join(", ")}`},
  s("path", {d: path(line, at)}), s("circle", {cx: at.x(run), cy: at.y(value), r: 2.5}));
}

/** The whole of it: every value as a dot, medians joined, the runs named. */
function plot(of, measure) {
  const points = series(of, measure);
  const [width, height] = [720, 220];
  const pad = {left: 84, right: 20, top: 16, bottom: 34};
  const at = scale(points, width, height, pad);
  const names = [...report.history.map((run) => run.name), "this run"];
  const levels = at.most === at.least ? [at.most] : [at.least, (at.least + at.most) / 2, at.most];
  const every = Math.ceil(names.length / 6);
  return h("figure", {class: "plot"},
    h("figcaption", null, `${measure.name} of ${of.id}`),
    s("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${measure.name} over ${names.length} runs`},
      levels.map((level) => s("g", {class: "tick"},
        s("line", {x1: pad.left, x2: width - pad.right, y1: at.y(level), y2: at.y(level)}),
        s("text", {x: pad.left - 8, y: at.y(level) + 4, "text-anchor": "end"}, quantity(level, measure.unit)))),
      names.map((name, run) => (names.length - 1 - run) % every ? null : s("text", {
        class: "axis", x: at.x(run), y: height - 12,
        "text-anchor": run === 0 ? "start" : run === names.length - 1 ? "end" : "middle",
      }, name.length > 16 ? `${name.slice(0, 15)}\u2026` : name)),
      s("path", {d: path(medians(points), at)}),
      points.map(([run, value]) => s("circle", {cx: at.x(run), cy: at.y(value), r: 3.5, class: run === report.history.length ? "now" : null},
        s("title", null, `${names[run]}: ${quantity(value, measure.unit)}`)))));
}
