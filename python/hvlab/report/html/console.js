// SPDX-License-Identifier: GPL-2.0-or-later
// A machine's console: every line with its guest time, and a search through them.

class ConsoleView {
  constructor(machine) {
    this.machine = machine;
    this.lines = logLines(machine);
    this.hits = [];
    this.at = -1;
    this.onTime = () => {};
    this.element = this.lines.length ? this.build() : h("p", {class: "empty"}, "The guest printed nothing.");
  }

  build() {
    this.search = h("input", {
      type: "search", placeholder: "Search the console", "aria-label": "Search the console", autocomplete: "off",
      spellcheck: "false", oninput: () => this.find(),
      onkeydown: (event) => {
        if (event.key !== "Enter") return;
        event.preventDefault();
        this.step(event.shiftKey ? -1 : 1);
      },
    });
    this.said = h("span", {class: "hits", "aria-live": "polite"});
    this.rows = this.lines.map(([time, text], index) => h("div", {class: "line"},
      h("button", {type: "button", class: "plain stamp", tabindex: -1, title: "Show on the timeline",
        onclick: () => this.onTime(time, index)}, stamp(time)),
      h("span", {class: "text"}, visible(text))));
    this.body = h("div", {class: "log", tabindex: 0, role: "region", "aria-label": `Console of ${this.machine.name}`},
      this.rows);
    return h("div", null,
      h("div", {class: "toolbar"}, this.search,
        button("\u2191", () => this.step(-1), {"aria-label": "Previous hit"}),
        button("\u2193", () => this.step(1), {"aria-label": "Next hit"}), this.said,
        h("span", {class: "grow"}),
        h("span", {class: "dim"}, `${this.machine.log.cut ? "the last " : ""}${plural(this.lines.length, "line")}`),
        copyButton(() => this.lines.map(([time, text]) => `${stamp(time).padStart(14)} | ${text}`).join("\n"),
          "Copy the console")),
      this.body);
  }

  find() {
    for (const row of new Set(this.hits.map((hit) => hit.row))) this.plain(row);
    this.hits = [];
    this.at = -1;
    if (this.search.value) {
      const wanted = new RegExp(this.search.value.replace(/[$^\\.*+?()[\]{}|/]/g, "\\$&"), "giu");
      this.lines.forEach((_line, row) => this.mark(row, wanted));
    }
    this.step(1);
  }

  plain(row) {
    this.rows[row].lastChild.textContent = visible(this.lines[row][1]);
  }

  mark(row, wanted) {
    const text = visible(this.lines[row][1]);
    const pieces = [];
    let done = 0;
    for (const match of text.matchAll(wanted)) {
      const hit = h("mark", null, match[0]);
      pieces.push(text.slice(done, match.index), hit);
      this.hits.push({row, hit});
      done = match.index + match[0].length;
    }
    if (pieces.length) this.rows[row].lastChild.replaceChildren(...pieces, text.slice(done));
  }

  step(by) {
    this.hits[this.at]?.hit.classList.remove("current");
    const total = this.hits.length;
    if (!total) {
      this.said.textContent = this.search.value ? "no hit" : "";
      return;
    }
    this.at = (this.at + by + total) % total;
    const {hit, row} = this.hits[this.at];
    hit.classList.add("current");
    this.said.textContent = `${this.at + 1} of ${count(total)}`;
    this.reveal(row);
    this.body.scrollIntoView({block: "nearest"});
  }

  /** Scrolls within the console only. */
  reveal(row) {
    const line = this.rows[row];
    this.body.scrollTop = line.offsetTop - this.body.clientHeight / 2;
  }

  /** What was printed last is what a failure is about. */
  toEnd() {
    if (this.body) this.body.scrollTop = this.body.scrollHeight;
  }

  goTo(row) {
    this.body.querySelector(".pointed")?.classList.remove("pointed");
    this.rows[row].classList.add("pointed");
    this.reveal(row);
    this.body.scrollIntoView({block: "nearest"});
  }
}
