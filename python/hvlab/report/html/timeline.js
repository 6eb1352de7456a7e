// SPDX-License-Identifier: GPL-2.0-or-later
// What happened when, on guest time: zoomed by wheel, pinch, keys and buttons, moved by dragging.

const LANE = 26; // height of a lane, in pixels
const AXIS = 22;
const LEAST = 10; // ns that can fill the whole width
const TICK = 5; // pixels that an instant is wide, at least

class Timeline {
  constructor(of, found, consoles) {
    this.lanes = lanesOf(of, found, consoles);
    const ends = this.lanes.flatMap((lane) => lane.items.map((item) => item.end));
    this.whole = Math.max(of.guest, ...longest(ends), LEAST);
    // A little room, so that what is at either end can be seen.
    this.margin = this.whole * 0.015;
    this.from = -this.margin;
    this.to = this.whole + this.margin;
    this.pointers = new Map();
    this.point = null;
    this.element = this.build();
    new ResizeObserver(() => this.draw()).observe(this.stage);
  }

  build() {
    this.picture = s("svg", {class: "lanes", height: AXIS + LANE * this.lanes.length, width: "100%", "aria-hidden": "true"});
    this.tip = h("div", {class: "tip", hidden: true});
    this.said = h("span", {class: "range", "aria-live": "polite"});
    this.stage = h("div", {
      class: "stage", tabindex: 0, role: "group",
      "aria-label": "Timeline. Plus and minus zoom, arrow keys move, 0 shows all. Tables below say the same.",
      onkeydown: (event) => this.key(event), onpointerdown: (event) => this.down(event),
      onpointermove: (event) => this.moved(event), onpointerup: (event) => this.up(event),
      onpointercancel: (event) => this.up(event), onpointerleave: () => this.hideTip(),
      ondblclick: (event) => this.zoom(0.4, this.timeAt(event)),
    }, this.picture);
    // Not passive: a wheel that zooms must not scroll the page as well.
    this.stage.addEventListener("wheel", (event) => this.wheel(event), {passive: false});
    const names = h("div", {class: "names", "aria-hidden": "true"},
      this.lanes.map((lane) => h("span", {title: lane.name}, lane.name)));
    return h("div", {class: "timeline"},
      h("div", {class: "toolbar"},
        button("\u2212", () => this.zoom(2), {"aria-label": "Zoom out"}),
        button("+", () => this.zoom(0.5), {"aria-label": "Zoom in"}),
        button("\u2190", () => this.pan(-0.25), {"aria-label": "Earlier"}),
        button("\u2192", () => this.pan(0.25), {"aria-label": "Later"}),
        button("All", () => this.show(0, this.whole), {"aria-label": "Show all of it"}),
        this.said, h("span", {class: "grow"}), h("span", {class: "dim hint"}, "Ctrl + wheel zooms, dragging moves")),
      h("div", {class: "lanebox"}, names, this.stage), this.tip);
  }

  // The part that is shown.

  get width() { return this.stage.clientWidth || 1; }
  x(time) { return (time - this.from) / (this.to - this.from) * this.width; }
  time(x) { return this.from + x / this.width * (this.to - this.from); }
  timeAt(event) { return this.time(event.clientX - this.stage.getBoundingClientRect().left); }

  /** Shows [from, to] with room around, kept inside the case. */
  show(from, to) {
    const room = Math.max((to - from) * 0.015, LEAST / 2);
    this.set(from - (from <= 0 ? this.margin : room), to + (to >= this.whole ? this.margin : room));
  }

  zoom(factor, around = (this.from + this.to) / 2) {
    const span = Math.min(Math.max((this.to - this.from) * factor, LEAST), this.whole + 2 * this.margin);
    const part = (around - this.from) / (this.to - this.from);
    this.set(around - part * span, around + (1 - part) * span);
  }

  pan(part) {
    const by = part * (this.to - this.from);
    this.set(this.from + by, this.to + by);
  }

  set(from, to) {
    const most = this.whole + 2 * this.margin;
    const span = Math.min(to - from, most);
    this.from = Math.min(Math.max(from, -this.margin), this.whole + this.margin - span);
    this.to = this.from + span;
    this.draw();
  }

  /** Marks a moment, and shows it if it is not to be seen. */
  pointAt(time) {
    this.point = time;
    const span = this.to - this.from;
    if (time < this.from || time > this.to) this.set(time - span / 2, time + span / 2);
    else this.draw();
    this.element.scrollIntoView({block: "nearest"});
  }

  // What the user does.

  wheel(event) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.zoom(Math.exp(Math.max(-60, Math.min(event.deltaY, 60)) * 0.006), this.timeAt(event));
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      this.pan((event.deltaX || event.deltaY) / this.width);
    }
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const does = {
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2),
      ArrowLeft: () => this.pan(-0.15), ArrowRight: () => this.pan(0.15), 0: () => this.show(0, this.whole),
      Home: () => this.set(-this.margin, this.to - this.from - this.margin),
      End: () => this.set(this.whole + this.margin - (this.to - this.from), this.whole + this.margin),
    }[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  }

  down(event) {
    if (event.button !== 0) return;
    this.pointers.set(event.pointerId, event.clientX);
    this.dragged = 0;
    this.hideTip();
  }

  moved(event) {
    const before = this.pointers.get(event.pointerId);
    if (before === undefined) {
      this.showTip(event);
      return;
    }
    const old = [...this.pointers.values()];
    this.pointers.set(event.pointerId, event.clientX);
    this.dragged += Math.abs(event.clientX - before);
    // Captured only now: a click has to reach what was clicked.
    if (this.dragged > 3) this.stage.setPointerCapture(event.pointerId);
    if (this.pointers.size === 1) {
      this.pan((before - event.clientX) / this.width);
    } else if (this.pointers.size === 2) {
      const now = [...this.pointers.values()];
      const left = this.stage.getBoundingClientRect().left;
      const middle = this.time((now[0] + now[1]) / 2 - left);
      this.zoom(Math.max(Math.abs(old[0] - old[1]), 10) / Math.max(Math.abs(now[0] - now[1]), 10), middle);
    }
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId) || event.type !== "pointerup" || this.dragged > 3) return;
    const found = this.itemAt(event);
    if (!found) return;
    const {start, end, items} = found;
    // Several instants at one place come apart; a single one leads to where it stands in full.
    if (items.length > 1 && items.at(-1).start > start) this.show(start, end);
    else if (end > start) this.show(start, end);
    else items[0].open?.();
  }

  // The picture.

  draw() {
    const {times, step} = roundTimes(this.from, this.to, Math.max(this.width / 110, 2));
    const nodes = times.filter((time) => time >= 0).map((time) => {
      const x = this.x(time);
      return s("g", {class: "tick"}, s("line", {x1: x, x2: x, y1: AXIS - 4, y2: "100%"}),
        s("text", {x: x + 3, y: 13}, x + 60 < this.width ? axisText(time, step, this.to) : ""));
    });
    this.drawn = [];
    this.lanes.forEach((lane, row) => {
      const top = AXIS + row * LANE;
      nodes.push(s("line", {class: "rule", x1: 0, x2: "100%", y1: top, y2: top}));
      nodes.push(...(lane.type === "steps" ? this.spans(lane, row, top) : this.instants(lane, row, top)));
    });
    if (this.point !== null) {
      nodes.push(s("line", {class: "point", x1: this.x(this.point), x2: this.x(this.point), y1: 0, y2: "100%"}));
    }
    this.picture.replaceChildren(...nodes);
    this.said.textContent = `${duration(Math.max(Math.round(this.from), 0))} to ${
      duration(Math.min(Math.round(this.to), this.whole))}`;
  }

  spans(lane, row, top) {
    const gap = (this.to - this.from) / this.width * TICK;
    const wide = lane.items.filter((item) => item.end - item.start >= gap);
    const narrow = {...lane, items: lane.items.filter((item) => item.end - item.start < gap)};
    const nodes = wide.filter((item) => item.end >= this.from && item.start <= this.to).map((item) => {
      const left = Math.max(this.x(item.start), -2);
      const right = Math.min(this.x(item.end), this.width + 2);
      this.drawn.push({row, left, right, start: item.start, end: item.end, items: [item]});
      const most = Math.floor((right - Math.max(left, 0) - 8) / 6.5);
      const label = most < 3 ? "" : item.label.length > most ? `${item.label.slice(0, most - 1)}\u2026` : item.label;
      return s("g", {class: `span ${item.kind}`},
        s("rect", {x: left, y: top + 4, width: Math.max(right - left - 1, 1), height: LANE - 8, rx: 2}),
        s("text", {x: Math.max(left, 0) + 5, y: top + LANE - 9}, label));
    });
    return [...nodes, ...this.instants(narrow, row, top)];
  }

  instants(lane, row, top) {
    const gap = (this.to - this.from) / this.width * (TICK + 1);
    return clusters(lane.items, this.from, this.to, gap).map(({start, end, items}) => {
      const x = this.x(start);
      this.drawn.push({row, left: x - 3, right: x + TICK, start, end, items});
      const kinds = new Set(items.map((item) => item.kind));
      const kind = kinds.has("failed") ? "failed" : kinds.has("error") ? "error" : items[0].kind;
      const height = Math.min(6 + 3 * Math.log2(items.length + 1), LANE - 8);
      return s("rect", {class: `instant ${kind}`, x: x - TICK / 2, y: top + (LANE - height) / 2, width: TICK, height, rx: 1.5});
    });
  }

  /** What is drawn at the pointer. */
  itemAt(event) {
    const box = this.stage.getBoundingClientRect();
    const x = event.clientX - box.left;
    const row = Math.floor((event.clientY - box.top - AXIS) / LANE);
    const near = (found) => Math.max(found.left - x, x - found.right, 0);
    return this.drawn.filter((found) => found.row === row && near(found) <= 4).sort((a, b) => near(a) - near(b))[0];
  }

  showTip(event) {
    const found = this.itemAt(event);
    this.stage.classList.toggle("over", Boolean(found));
    if (!found) {
      this.hideTip();
      return;
    }
    const {start, end, items} = found;
    const last = items.at(-1).end;
    const when = last > start ? `${duration(start)} to ${duration(Math.max(end, last))}` : duration(start);
    const more = items.length > 6 ? h("p", {class: "dim"}, `and ${items.length - 5} more`) : null;
    const shown = items.slice(0, more ? 5 : 6);
    this.tip.replaceChildren(h("p", {class: "when"}, when), ...shown.map((item) => h("p", null, item.text.slice(0, 160))));
    if (more) this.tip.append(more);
    this.tip.hidden = false;
    const box = this.element.getBoundingClientRect();
    const left = Math.min(event.clientX - box.left + 12, box.width - this.tip.offsetWidth - 4);
    this.tip.style.left = `${Math.max(left, 0)}px`;
    this.tip.style.top = `${event.clientY - box.top + 18}px`;
  }

  hideTip() {
    this.tip.hidden = true;
  }
}

/** The largest of many numbers, in a list (a call with a hundred thousand arguments is none). */
function longest(numbers) {
  return numbers.length ? [numbers.reduce((a, b) => (a > b ? a : b))] : [];
}
