// SPDX-License-Identifier: GPL-2.0-or-later
// All that is known of one case, the failure first.

/** Fills `place` with a case; what is packed comes a moment later. */
async function showCase(of, place) {
  place.replaceChildren(caseHead(of));
  place.setAttribute("aria-busy", "true");
  let found;
  try {
    found = await details(of);
  } catch (error) {
    if (place.firstChild?.dataset.key === of.key) {
      place.append(h("p", {class: "empty"}, `The details of this case cannot be read: ${error.message}`));
    }
    return;
  } finally {
    place.removeAttribute("aria-busy");
  }
  if (place.firstChild?.dataset.key !== of.key) return; // another one was opened meanwhile
  const consoles = found.machines.map((machine) => new ConsoleView(machine));
  const timeline = hasTimeline(of, found) ? new Timeline(of, found, consoles) : null;
  consoles.forEach((view) => { view.onTime = (time) => timeline?.pointAt(time); });
  append(place, [
    failureSection(found),
    reproduceSection(found),
    attemptsSection(of, found),
    repetitionsSection(of),
    timeline && section("Timeline", timeline.element),
    stepsSection(of, found, timeline),
    measuresSection(of),
    found.machines.map((machine, index) => machineSection(machine, consoles[index], found.machines.length > 1)),
    found.output && section("Printed by its process", pre(found.output, {class: "wide"})),
    found.internal && section("Internal error of hvlab", h("p", null, "Please report it with this."), pre(found.internal)),
    propertiesSection(of, found),
  ]);
  timeline?.draw();
  if (of.outcome !== "passed") consoles.forEach((view) => view.toEnd());
}

function caseHead(of) {
  const facts = [of.backend];
  if (of.guest !== null) facts.push(`guest ${duration(of.guest)}`);
  if (of.instructions !== null) facts.push(`${count(of.instructions)} instructions`);
  if (of.outcome !== "skipped") facts.push(`${seconds(of.wall)} on the wall`);
  return h("header", {class: "casehead", "data-key": of.key},
    h("a", {class: "back", href: link({case: ""})}, "\u2190 All cases"),
    h("h1", null, badge(of.shown), " ", nameOf(of)),
    h("p", {class: "facts"}, h("span", {class: "path"}, `${of.file}:${of.line}`),
      facts.map((fact) => h("span", null, fact)),
      of.tags.map((tag) => h("a", {class: "tag", href: fresh({view: "cases", tag})}, tag))),
    of.outcome === "skipped" && of.reason ? h("p", {class: "why"}, visible(of.reason)) : null);
}

function section(title, ...content) {
  return h("section", {class: "part"}, h("h2", null, title), content);
}

function pre(text, attributes) {
  return h("pre", {tabindex: 0, ...attributes}, visible(text));
}

function failureSection(found) {
  if (!found.failure) return null;
  return h("section", {class: "part failure"}, h("h2", null, "Why it did not pass"), failureBody(found.failure));
}

function failureBody(failure) {
  return [
    excerpt(failure.excerpt || failure.message),
    failure.operands.length
      ? h("dl", {class: "operands"}, failure.operands.map(([text, value]) =>
        [h("dt", null, visible(text)), h("dd", null, visible(value))]))
      : null,
    failure.traceback ? h("details", {open: true}, h("summary", null, "Traceback of the step's code"), pre(failure.traceback, {class: "wide"})) : null,
  ];
}

/** `file:line:column: message` and then the line with its caret, which must not be broken. */
function excerpt(text) {
  const lines = visible(text).split("\n");
  const at = lines.findIndex((line) => /^ *\d+ \| /.test(line));
  if (at < 0) return pre(text);
  return h("pre", {class: "excerpt", tabindex: 0}, lines.slice(0, at).join("\n"),
    h("span", {class: "code"}, lines.slice(at).join("\n")));
}

function reproduceSection(found) {
  return h("section", {class: "part command"}, h("h2", null, "Reproduce"),
    h("div", {class: "copyable"}, h("code", null, visible(found.reproduce)),
      copyButton(() => found.reproduce, "Copy the command that runs this case again")));
}

function attemptsSection(of, found) {
  if (!found.attempts.length) return null;
  return section("Earlier attempts",
    h("p", null, of.flaky ? "This case passed, but not at once." : "No attempt passed."),
    found.attempts.map((attempt, index) => h("details", null,
      h("summary", null, mark(attempt.outcome), ` Attempt ${index + 1}: ${visible(attempt.reason)} `,
        h("small", null, `seed ${attempt.seed}, ${seconds(attempt.wall)}`)),
      attempt.failure ? failureBody(attempt.failure) : null)));
}

function repetitionsSection(of) {
  const all = cases.filter((other) => other.id === of.id);
  if (all.length < 2) return null;
  const found = counts(all);
  const said = OUTCOMES.filter((outcome) => found[outcome]).map((outcome) => `${found[outcome]} ${outcome}`);
  return section("Repetitions", h("p", null, `${all.length} runs: ${said.join(", ")}`),
    h("p", {class: "runs"}, all.map((other) => h("a", {
      href: link({case: other.key}), class: `run ${other.shown}`, "aria-current": other === of ? "true" : null,
      title: `#${other.repetition + 1}: ${other.shown}, ${seconds(other.wall)}`,
    }, `${LOOKS[other.shown].mark} ${other.repetition + 1}`))));
}

function stepsSection(of, found, timeline) {
  if (!found.steps.length) return null;
  const several = found.machines.length > 1;
  const columns = [
    {unseen: "Outcome", class: "tight"}, {text: "#", class: "number"}, {text: "Step"},
    ...(several ? [{text: "Machine"}] : []),
    {text: "Guest time", class: "number"}, {text: "Took", class: "number"}, {text: "Wall", class: "number"},
    {text: "Line", class: "number"},
  ];
  const rows = found.steps.map((step) => {
    const timed = step.start !== null && step.end !== null;
    const title = visible(step.title);
    return [
      mark(step.outcome), step.index + 1,
      timed && timeline ? button(title, () => timeline.show(step.start, step.end), {class: "plain", title: "Show on the timeline"})
        : title,
      ...(several ? [step.machine] : []),
      step.end === null ? "" : duration(step.end), timed ? duration(step.end - step.start) : "",
      seconds(step.wall), step.file && step.file !== of.file ? `${step.file}:${step.line}` : step.line,
    ];
  });
  return section("Steps", table(columns, rows, {label: "Steps", class: "steps"}));
}

function measuresSection(of) {
  const shown = of.measures.filter((measure) => !measure.everywhere || report.history.length);
  if (!shown.length) return null;
  return section("Measures", measureTable(shown.map((measure) => [of, measure]), false));
}

function machineSection(machine, view, named) {
  const title = (text) => (named ? `${text} of ${machine.name}` : text);
  const block = (name, text) => text && h("details", {open: true}, h("summary", null, name), pre(text, {class: "wide"}));
  const last = machine.stop;
  return [
    named && h("h2", {class: "machine"}, `Machine ${machine.name}`),
    last && section(title("Last stop"), h("p", {class: "laststop"},
      h("strong", null, last.reason), ` ${visible(last.message)} `,
      h("small", null, `at ${duration(last.time)} of guest time, rip ${last.rip}`))),
    section(title("Console"), view.element),
    (machine.picture || machine.screen) && section(title("Screen"), screenBody(machine)),
    (machine.registers || machine.disassembly || machine.stack) && section(title("Processor"),
      block("Stack", machine.stack), block("Code around RIP", machine.disassembly), block("Registers", machine.registers)),
    machine.events.length > 0 && section(title("Last events"), eventTable(machine)),
  ];
}

function screenBody(machine) {
  if (!machine.picture) return pre(machine.screen, {class: "screen"});
  // As an image, the SVG can neither run nor load anything, whoever wrote it.
  return [
    h("img", {class: "screen", alt: "The machine's screen; its text is below",
      src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(machine.picture.toWellFormed?.() ?? machine.picture)}`}),
    h("details", null, h("summary", null, "As text"), pre(machine.screen)),
  ];
}

function eventTable(machine) {
  return table([{text: "Guest time", class: "number"}, {text: "Kind"}, {text: "What"}],
    machine.events.map(([time, kind, text]) => [stamp(time), kind, h("code", null, visible(text))]),
    {label: `Last events of ${machine.name}`, class: "events"});
}

function propertiesSection(of, found) {
  return h("section", {class: "part"}, h("details", null, h("summary", null, h("h2", null, "Properties")),
    h("dl", {class: "properties"}, Object.entries(found.properties).map(([name, value]) =>
      [h("dt", null, name), h("dd", null, visible(value))]))));
}
