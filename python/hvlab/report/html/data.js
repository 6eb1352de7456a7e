// SPDX-License-Identifier: GPL-2.0-or-later
// The report's data. What every view needs is in one JSON block; what a single case has is packed in
// chunks (gzip, base64), which are unpacked when a case of them is opened.

const report = JSON.parse(document.getElementById("index").textContent);
const cases = report.cases;
/** A property that the data has, not one that every object has: names are anybody's choice. */
function own(object, name) {
  return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}

const WORST = ["failed", "error", "flaky", "passed", "skipped"];

cases.forEach((found, number) => {
  found.number = number;
  // What it is filtered and coloured by: passed at a later attempt is a thing of its own.
  found.shown = found.flaky ? "flaky" : found.outcome;
  found.scenario = found.name.includes("[") ? found.name.slice(0, found.name.indexOf("[")) : found.name;
  found.text = [found.id, found.reason, found.backend, ...found.tags].join("\n").toLowerCase();
  found.label = found.repetition ? `${found.id} #${found.repetition + 1}` : found.id;
  found.key = found.repetition ? `${found.id}#${found.repetition}` : found.id;
});

const byKey = new Map(cases.map((found) => [found.key, found]));

/** How many cases there are of each outcome. */
function counts(of) {
  const found = {failed: 0, error: 0, flaky: 0, passed: 0, skipped: 0};
  for (const one of of) found[one.shown] += 1;
  return found;
}

/** The outcome that stands for several cases. */
function worst(of) {
  const found = counts(of);
  return WORST.find((outcome) => found[outcome]) ?? "skipped";
}

const unpacked = new Map();

/** What only this case's page shows. */
async function details(of) {
  if (!unpacked.has(of.chunk)) unpacked.set(of.chunk, unpack(of.chunk));
  return (await unpacked.get(of.chunk))[of.place];
}

async function unpack(chunk) {
  const text = atob(document.getElementById(`chunk-${chunk}`).textContent);
  const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

/** The console's lines of a machine, as [guest time, text]; times are kept as differences. */
function logLines(machine) {
  let time = 0;
  return machine.log.lines.map((line, index) => {
    time += machine.log.times[index];
    return [time, line];
  });
}
