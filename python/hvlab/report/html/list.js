// SPDX-License-Identifier: GPL-2.0-or-later
// The list of cases with its filter, beside the case that is open.

const OUTCOMES = ["failed", "error", "flaky", "passed", "skipped"];
const SORTS = [["run", "as run"], ["worst", "worst first"], ["slow", "slowest first"], ["name", "by name"]];

/** The view of all cases; keeps its list when only the open case changes. */
class CasesView {
  constructor() {
    this.search = h("input", {
      type: "search", id: "filter", placeholder: "Filter: words of id, reason, tag", "aria-label": "Filter cases",
      autocomplete: "off", spellcheck: "false", oninput: () => go({q: this.search.value}, true),
    });
    this.chips = h("div", {class: "chips", role: "group", "aria-label": "Outcomes"});
    this.choices = h("div", {class: "choices"});
    this.found = h("p", {class: "found", "aria-live": "polite"});
    this.list = h("ul", {class: "cases", onkeydown: (event) => this.move(event)});
    this.detail = h("article", {class: "detail", id: "case", tabindex: -1, "aria-label": "Case"});
    this.heading = h("h1", {class: "unseen"}, "Cases");
    this.element = h("div", {class: "split"},
      h("section", {class: "side", "aria-label": "Cases"}, this.heading,
        h("div", {class: "filter", role: "search"}, this.search, this.chips, this.choices, this.found),
        this.list),
      this.detail);
    this.filtered = null;
    this.open = null;
  }

  update() {
    const filter = [...FILTERS, "sort"].map((name) => state[name]).join("\n");
    if (filter !== this.filtered) {
      this.filtered = filter;
      this.fill();
    } else {
      this.links.forEach((anchor, key) => { anchor.href = link({case: key}); });
    }
    this.select();
  }

  fill() {
    if (this.search.value !== state.q) this.search.value = state.q;
    this.fillFilter();
    const shown = sorted(cases.filter(isShown));
    this.found.replaceChildren(shown.length === cases.length ? plural(cases.length, "case")
      : `${count(shown.length)} of ${plural(cases.length, "case")}`);
    if (shown.length !== cases.length) {
      this.found.append(" ", h("a", {href: link({...Object.fromEntries(FILTERS.map((name) => [name, ""]))})}, "Show all"));
    }
    this.links = new Map();
    const items = [];
    let file = null;
    for (const of of shown) {
      if (state.sort === "run" && of.file !== file) {
        file = of.file;
        items.push(h("li", {class: "file"}, file));
      }
      items.push(this.item(of));
    }
    this.list.replaceChildren(...items);
  }

  item(of) {
    const anchor = h("a", {href: link({case: of.key})},
      mark(of.shown),
      h("span", {class: "name"}, nameOf(of)),
      h("span", {class: "time"}, of.outcome === "skipped" ? "" : seconds(of.wall)),
      of.reason ? h("span", {class: "reason"}, visible(of.reason)) : null);
    this.links.set(of.key, anchor);
    return h("li", null, anchor);
  }

  fillFilter() {
    const chosen = new Set(state.outcome.split(",").filter(Boolean));
    const all = counts(cases);
    this.chips.replaceChildren(...OUTCOMES.filter((outcome) => all[outcome]).map((outcome) =>
      button(`${LOOKS[outcome].mark} ${count(all[outcome])} ${outcome}`, () => toggle(chosen, outcome),
        {class: `chip ${outcome}`, "aria-pressed": String(chosen.has(outcome))})));
    const tags = [...new Set(cases.flatMap((of) => of.tags))].sort();
    const backends = [...new Set(cases.map((of) => of.backend))].sort();
    this.choices.replaceChildren();
    if (tags.length) {
      this.choices.append(choice("Tag", [["", "any"], ...tags.map((tag) => [tag, tag])], state.tag, (tag) => go({tag})));
    }
    if (backends.length > 1) {
      this.choices.append(choice("Backend", [["", "any"], ...backends.map((name) => [name, name])], state.backend,
        (backend) => go({backend})));
    }
    this.choices.append(choice("Order", SORTS, state.sort, (sort) => go({sort})));
    for (const [axis, value] of cellConditions()) {
      this.choices.append(h("span", {class: "condition"}, `${axisName(axis)}: ${valueName(axis, value)}`));
    }
  }

  select() {
    const of = byKey.get(state.case) ?? null;
    this.element.classList.toggle("opened", of !== null);
    this.heading.hidden = of !== null; // the case has one of its own
    if (this.open === of && this.detail.childNodes.length) return;
    this.links.get(this.open?.key)?.removeAttribute("aria-current");
    this.open = of;
    if (of === null) {
      this.detail.replaceChildren(h("p", {class: "empty"},
        state.case ? "There is no such case in this report." : "Choose a case to see what it did."));
      return;
    }
    const anchor = this.links.get(of.key);
    anchor?.setAttribute("aria-current", "true");
    anchor?.scrollIntoView({block: "nearest"});
    this.detail.scrollTop = 0;
    showCase(of, this.detail);
  }

  /** Up and down move from link to link, so that one hand can go through the failures. */
  move(event) {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    const anchors = [...this.list.querySelectorAll("a")];
    const next = anchors[anchors.indexOf(document.activeElement) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
    if (matchMedia("(min-width: 60rem)").matches) location.replace(next.href);
  }
}

function toggle(chosen, outcome) {
  if (!chosen.delete(outcome)) chosen.add(outcome);
  go({outcome: OUTCOMES.filter((one) => chosen.has(one)).join(",")});
}

function sorted(found) {
  const order = {
    worst: (a, b) => WORST.indexOf(a.shown) - WORST.indexOf(b.shown) || a.number - b.number,
    slow: (a, b) => b.wall - a.wall,
    name: (a, b) => a.key.localeCompare(b.key, "en", {numeric: true}),
  }[state.sort];
  return order ? found.sort(order) : found;
}
