// SPDX-License-Identifier: GPL-2.0-or-later
// What stands on a case's timeline: lanes of spans (steps) and of instants (console, events, ...).

/** Whether anything happened at a guest time. */
function hasTimeline(of, found) {
  return of.guest !== null && (found.steps.some((step) => step.end !== null) || found.machines.length > 0);
}

/** The lanes in the order in which they are drawn; every item has start, end, text and a kind. */
function lanesOf(of, found, consoles) {
  const several = found.machines.length > 1;
  const lanes = [];
  const steps = (name, chosen) => {
    const items = chosen.filter((step) => step.end !== null).map((step) => ({
      start: step.start ?? step.end, end: step.end, kind: step.outcome, label: visible(step.title),
      text: `${step.index + 1}. ${visible(step.title)}`,
    }));
    if (items.length) lanes.push({name, type: "steps", items});
  };
  steps("steps", found.steps.filter((step) => !several || !step.machine));
  const measures = of.measures.filter((measure) => measure.time !== null).map((measure) => ({
    start: measure.time, end: measure.time, kind: measure.held === false ? "failed" : "measure",
    text: `${measure.name} = ${quantity(measure.value, measure.unit)}`,
  }));
  if (measures.length) lanes.push({name: "measures", type: "instants", items: measures});
  found.machines.forEach((machine, index) => {
    const title = (text) => (several ? `${machine.name} ${text}` : text);
    if (several) steps(title("steps"), found.steps.filter((step) => step.machine === machine.name));
    lanes.push(...machineLanes(machine, consoles[index], title));
  });
  return lanes;
}

function machineLanes(machine, view, title) {
  const lanes = [];
  const add = (name, items) => { if (items.length) lanes.push({name: title(name), type: "instants", items}); };
  add("console", view.lines.map(([time, text], row) => ({
    start: time, end: time, kind: "console", text: visible(text) || "(empty line)", open: () => view.goTo(row),
  })));
  add("events", machine.events.map(([time, kind, text]) => ({
    start: time, end: time, kind: "event", text: `${kind}: ${visible(text)}`,
  })));
  const last = machine.stop;
  if (last) {
    add("stop", [{start: last.time, end: last.time, kind: "stop", text: `${last.reason}: ${visible(last.message)}`}]);
  }
  return lanes;
}

/** Items of a lane inside [from, to] that are less than `gap` apart, as one: a thousand lines of a
 * console are as many elements as fit beside each other, whatever the zoom. */
function clusters(items, from, to, gap) {
  const found = [];
  for (const item of items) {
    if (item.start < from || item.start > to) continue;
    const last = found.at(-1);
    if (last && item.start - last.start < gap) {
      last.items.push(item);
      last.end = Math.max(last.end, item.end);
    } else {
      found.push({start: item.start, end: item.end, items: [item]});
    }
  }
  return found;
}

/** About `wanted` round times between two, for an axis: 1, 2 or 5 times a power of ten of ns. */
function roundTimes(from, to, wanted) {
  const raw = Math.max((to - from) / wanted, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= raw);
  const times = [];
  for (let time = Math.ceil(from / step) * step; time <= to; time += step) times.push(time);
  return {times, step};
}

/** A time on an axis whose ticks are `step` apart, in the unit of the largest, all digits needed. */
function axisText(time, step, to) {
  const [factor, unit] = DURATIONS.find(([least]) => Math.max(Math.abs(to), 1) >= least) ?? [1, "ns"];
  const digits = Math.max(0, Math.ceil(Math.log10(factor / step) - 1e-9));
  return `${(time / factor).toFixed(Math.min(digits, 12))} ${unit}`;
}
