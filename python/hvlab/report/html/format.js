// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers and texts as a person reads them; durations as hvlab prints them elsewhere.

const DURATIONS = [[3600e9, "h"], [60e9, "min"], [1e9, "s"], [1e6, "ms"], [1e3, "us"], [1, "ns"]];

/** `1.204 s` of nanoseconds. */
function duration(ns) {
  if (ns === null || ns === undefined) return "";
  const size = Math.abs(ns);
  const [factor, unit] = DURATIONS.find(([least]) => size >= least) ?? [1, "ns"];
  return `${Number((ns / factor).toPrecision(4))} ${unit}`;
}

/** Wall time: `0.25 s`. */
function seconds(value) {
  if (value >= 60 || (value > 0 && value < 0.0995)) return duration(Number((value * 1e9).toPrecision(3)));
  return `${value.toFixed(2)} s`;
}

/** `12,345`. */
function count(value) {
  return value.toLocaleString("en-US");
}

/** `3 cases`, `1 case`. */
function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Guest time of a console line, in seconds, all nine digits. */
function stamp(ns) {
  return (ns / 1e9).toFixed(9);
}

/** What a measure is: `1.204 s`, `4 MiB`, `42`. */
function quantity(value, unit) {
  if (unit === "ns") return duration(value);
  if (unit === "s") return seconds(value);
  if (unit === "B") {
    const power = value > 0 ? Math.min(Math.floor(Math.log2(value) / 10), 4) : 0;
    return `${Number((value / 1024 ** power).toPrecision(4))} ${["B", "KiB", "MiB", "GiB", "TiB"][power]}`;
  }
  return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(6)));
}

const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A guest's text with what steers a terminal or the direction of writing made visible. */
function visible(text) {
  return text.replace(UNSEEN, (char) => {
    const code = char.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    return `\u27e8${code.toString(16)}\u27e9`;
  });
}

const LOOKS = {
  passed: {mark: "\u2713", text: "passed"},
  failed: {mark: "\u2717", text: "failed"},
  error: {mark: "!", text: "error"},
  skipped: {mark: "\u2013", text: "skipped"},
  flaky: {mark: "\u21bb", text: "flaky"},
};

/** The sign of an outcome: a shape, not only a colour. */
function mark(outcome) {
  const look = LOOKS[outcome];
  return h("span", {class: `mark ${outcome}`, title: look.text},
    h("span", {"aria-hidden": "true"}, look.mark), h("span", {class: "unseen"}, look.text));
}

/** A case's name, its cell of the matrix set apart. */
function nameOf(of) {
  const cell = of.name.startsWith(`${of.scenario}[`) && of.name.endsWith("]") ? of.name.slice(of.scenario.length + 1, -1) : "";
  return [
    cell ? of.scenario : of.name,
    cell && h("span", {class: "cellname"}, ` ${Object.entries(of.parameters).map(([axis, value]) => `${axis}=${value}`).join("  ")}`),
    of.repetition ? h("span", {class: "cellname"}, ` #${of.repetition + 1}`) : null,
  ];
}

function badge(outcome) {
  const look = LOOKS[outcome];
  return h("span", {class: `badge ${outcome}`}, `${look.mark} ${look.text}`);
}
