// Where things stand: moments across, lanes down.

/** The width of the lanes' names. */
const NAMES_W = 92;
const NODE_H = [58, 116];
const CLIENT_H = [15, 32];
/** The shortest stretch that is shown, in seconds. */
const SPAN_MIN = 2e-6;

class View {
  constructor(model) {
    this.model = model;
    this.t0 = 0;
    this.t1 = Math.max(model.events.lasts, SPAN_MIN);
    this.width = 800;
    this.height = 400;
    this.lanes = [];
    this.colours = {};
  }

  /** Reads the style's colours, which change with light and dark. */
  readColours() {
    const style = getComputedStyle(document.documentElement);
    this.colours = new Proxy({}, {
      get: (known, name) => (known[name] ??= style.getPropertyValue("--" + name).trim()),
    });
  }

  /** Lays the lanes out in the room there is; gives the height that they need. */
  layOut(width, room) {
    this.width = width;
    const nodes = this.model.lanes.filter((lane) => lane.isNode).length;
    const clients = this.model.lanes.length - nodes;
    const clamp = (value, [least, most]) => Math.max(least, Math.min(most, Math.floor(value)));
    const clientH = clamp((room * 0.3) / Math.max(1, clients), CLIENT_H);
    const nodeH = clamp((room - clientH * clients - 6) / Math.max(1, nodes), NODE_H);
    let top = 0;
    this.lanes = this.model.lanes.map(({ isNode }) => {
      const height = isNode ? nodeH : clientH;
      const lane = { top, height, bar: 14, barTop: 0, line: 0, disk: 0, log: 0, bottom: top + height };
      if (isNode) {
        lane.barTop = top + Math.round(height * 0.34);
        lane.disk = lane.barTop + lane.bar + 4;
        lane.log = lane.disk + 9;
      } else {
        lane.bar = Math.min(16, height - 4);
        lane.barTop = top + Math.round((height - lane.bar) / 2);
      }
      lane.line = lane.barTop + lane.bar / 2;
      top += height;
      return lane;
    });
    this.height = Math.max(top + 4, 40);
    return this.height;
  }

  get span() {
    return this.t1 - this.t0;
  }

  /** Seconds per pixel. */
  get step() {
    return this.span / (this.width - NAMES_W);
  }

  x(t) {
    return NAMES_W + (t - this.t0) / this.step;
  }

  t(x) {
    return this.t0 + (x - NAMES_W) * this.step;
  }

  /** Shows a stretch, within what there is. */
  show(t0, t1) {
    const end = Math.max(this.model.events.lasts, SPAN_MIN);
    const margin = end * 0.02;
    const span = Math.min(Math.max(t1 - t0, SPAN_MIN), end + 2 * margin);
    const middle = (t0 + t1) / 2;
    this.t0 = Math.max(-margin, Math.min(middle - span / 2, end + margin - span));
    this.t1 = this.t0 + span;
  }

  /** Zooms so that the moment at `x` stays where it is. */
  zoom(factor, x = (this.width + NAMES_W) / 2) {
    const t = this.t(x);
    const span = Math.min(Math.max(this.span * factor, SPAN_MIN), this.model.events.lasts * 1.04);
    const from = t - ((x - NAMES_W) / (this.width - NAMES_W)) * span;
    this.show(from, from + span);
  }

  /** Brings a moment into view; keeps the view where it is there already. */
  bring(t) {
    const margin = this.span * 0.06;
    if (t < this.t0 + margin || t > this.t1 - margin) this.show(t - this.span / 2, t + this.span / 2);
  }

  laneAt(y) {
    return this.lanes.findIndex((lane) => y >= lane.top && y < lane.bottom);
  }
}

/** Sizes a canvas to its place on the screen's own pixels. */
function fitCanvas(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/** The rows of intervals that overlap: each gets the first row that is free. */
function stack(items) {
  const [ends, rows] = [[], new Map()];
  for (const item of items) {
    let row = ends.findIndex((end) => end <= item.t0);
    if (row < 0) row = ends.length;
    ends[row] = item.t1;
    rows.set(item, row);
  }
  return rows;
}
