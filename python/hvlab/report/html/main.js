// SPDX-License-Identifier: GPL-2.0-or-later
// Shows the view that the URL's hash names.

const TABS = [["overview", "Overview"], ["cases", "Cases"], ["matrix", "Matrix"], ["measures", "Measures"]];
const content = document.getElementById("content");
const casesView = new CasesView();
const VIEWS = {overview, matrix, measures};
let shown = "";

function show() {
  readState();
  const view = state.view === "cases" || Object.hasOwn(VIEWS, state.view) ? state.view : "overview";
  fillTabs(view);
  if (view === "cases") {
    if (shown !== "cases") content.replaceChildren(casesView.element);
    casesView.update();
  } else {
    content.replaceChildren(VIEWS[view]());
  }
  if (view !== shown) window.scrollTo(0, 0);
  shown = view;
}

function fillTabs(view) {
  const some = {measures: cases.some((of) => of.measures.length), matrix: cases.length > 1};
  document.getElementById("tabs").replaceChildren(...TABS.filter(([name]) => some[name] ?? true).map(([name, text]) =>
    h("a", {href: fresh({view: name}), "aria-current": name === view ? "page" : null}, text)));
}

// The theme: the system's, until the reader chooses; a file's page may not be able to keep the choice.
const THEMES = {"": "\u25d0 Auto", light: "\u2600 Light", dark: "\u263e Dark"};

function themeButton() {
  let theme = "";
  try {
    theme = localStorage.getItem("hvlab-theme") ?? "";
  } catch {
    theme = "";
  }
  const self = button("", () => {
    const names = Object.keys(THEMES);
    theme = names[(names.indexOf(theme) + 1) % names.length];
    set();
  }, {id: "theme"});
  function set() {
    if (!Object.hasOwn(THEMES, theme)) theme = "";
    document.documentElement.dataset.theme = theme;
    self.replaceChildren(h("span", {class: "unseen"}, "Colours: "), THEMES[theme]);
    try {
      localStorage.setItem("hvlab-theme", theme);
    } catch {
      self.title = "This browser does not keep the choice";
    }
  }
  set();
  return self;
}

function shortcuts(event) {
  const typing = event.target.closest?.("input, select, textarea");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    if (state.view !== "cases") go({...DEFAULTS, view: "cases"});
    casesView.search.focus();
  }
}

document.getElementById("tools").append(themeButton());
document.addEventListener("keydown", shortcuts);
window.addEventListener("hashchange", show);
show();
