// SPDX-License-Identifier: GPL-2.0-or-later
// Elements, always made from text nodes: whatever a guest printed stays text. No innerHTML anywhere.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element: attributes, `on...` listeners, `style` as an object, then children. */
function h(tag, attributes, ...children) {
  return build(document.createElement(tag), attributes, children);
}

/** The same of SVG. */
function s(tag, attributes, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(element, child);
    else if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

/** A button with a text; `label` says more to those who do not see it. */
function button(text, onclick, attributes) {
  return h("button", {type: "button", onclick, ...attributes}, text);
}

/** A labelled choice; `options` are [value, text] pairs. */
function choice(label, options, value, onchange) {
  const id = `choose-${label.toLowerCase()}`;
  const select = h("select", {id, onchange: () => onchange(select.value)},
    options.map(([key, text]) => h("option", {value: key, selected: key === value}, text)));
  return h("span", {class: "choice"}, h("label", {for: id}, label), select);
}

/** A table of `columns` ({text or unseen, class}) and rows of cells (nodes, texts, or ready-made td). */
function table(columns, rows, attributes) {
  const cell = (content, index) =>
    content instanceof HTMLTableCellElement ? content
      : h("td", {class: columns[index].class}, content);
  return h("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": attributes?.label},
    h("table", {class: `grid ${attributes?.class ?? ""}`},
      h("thead", null, h("tr", null,
        columns.map((column) => h("th", {scope: "col", class: column.class},
          column.unseen ? h("span", {class: "unseen"}, column.unseen) : column.text)))),
      h("tbody", null, rows.map((cells) =>
        cells instanceof HTMLElement ? cells : h("tr", null, cells.map(cell))))));
}

/** Puts text into the clipboard; a page from file:// may have to do it the old way. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", {class: "offscreen"});
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** A button that copies what `text()` gives, and says whether it did. */
function copyButton(text, label) {
  const self = button("Copy", async () => {
    self.textContent = (await copy(text())) ? "Copied" : "Not allowed";
    setTimeout(() => { self.textContent = "Copy"; }, 1500);
  }, {class: "copy", "aria-label": label, "aria-live": "polite"});
  return self;
}
