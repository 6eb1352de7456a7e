// SPDX-License-Identifier: GPL-2.0-or-later
// What is shown stands in the URL's hash, so that a link leads to the same place.

const DEFAULTS = {
  view: "overview", case: "", q: "", outcome: "", tag: "", backend: "", sort: "run", cell: "",
  scenario: "", rows: "", columns: "", measure: "",
};
const FILTERS = ["q", "outcome", "tag", "backend", "cell"];
let state = {...DEFAULTS};

function readState() {
  const given = new URLSearchParams(location.hash.slice(1));
  state = {...DEFAULTS};
  for (const name of Object.keys(DEFAULTS)) {
    if (given.has(name)) state[name] = given.get(name);
  }
}

/** The hash for the present state with `changes`. */
function link(changes) {
  const wanted = {...state, ...changes};
  const kept = Object.entries(wanted).filter(([name, value]) => value !== DEFAULTS[name]);
  const text = new URLSearchParams(kept).toString();
  return `#${text || "view=overview"}`;
}

/** A view from its beginning, without the filter that is set. */
function fresh(changes) {
  return link({...DEFAULTS, ...changes});
}

/** Goes there at once; `replace` for what is typed, of which not every letter is a page to go back to. */
function go(changes, replace = false) {
  const target = link(changes);
  if (target === location.hash) return;
  if (replace) history.replaceState(null, "", target);
  else history.pushState(null, "", target);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The conditions of `cell`: pairs of an axis and the text of its value. */
function cellConditions() {
  return [...new URLSearchParams(state.cell).entries()];
}

function isShown(of) {
  if (state.outcome && !state.outcome.split(",").includes(of.shown)) return false;
  if (state.tag && !of.tags.includes(state.tag)) return false;
  if (state.backend && of.backend !== state.backend) return false;
  if (!cellConditions().every(([axis, value]) => valueOf(of, axis) === value)) return false;
  return state.q.toLowerCase().split(/\s+/).every((word) => of.text.includes(word));
}
