// Draws the axis of time, and the overview of the whole run.

class Axis {
  constructor(drawing) {
    this.drawing = drawing;
  }

  draw(context, height) {
    const { view, model } = this.drawing;
    context.clearRect(0, 0, view.width, height);
    context.fillStyle = view.colours.panel;
    context.fillRect(0, 0, view.width, height);
    context.textBaseline = "middle";
    context.font = `11px ${FONT}`;
    const step = Axis.step(view.step * 90);
    context.fillStyle = view.colours.faint;
    for (let n = Math.ceil(view.t0 / step); n * step <= view.t1; n++) {
      const x = view.x(n * step);
      if (x < NAMES_W) continue;
      context.fillRect(x, height - 6, 1, 6);
      context.fillText(moment(n * step, step), x + 3, height - 9);
    }
    model.phases.forEach(({ t, name }, at) => {
      const x = view.x(t);
      if (x < NAMES_W - 1 || x > view.width) return;
      context.fillStyle = view.colours.text;
      context.fillRect(x, 2, 1, height - 2);
      const room = (at + 1 < model.phases.length ? view.x(model.phases[at + 1].t) : view.width) - x - 8;
      if (context.measureText(name).width < room) context.fillText(name, x + 4, 9);
    });
    for (const violation of model.violations) this.flag(context, violation, height);
    context.fillStyle = view.colours.panel;
    context.fillRect(0, 0, NAMES_W, height);
    context.fillStyle = view.colours.line;
    context.fillRect(0, height - 1, view.width, 1);
    context.fillStyle = view.colours.faint;
    context.font = `10px ${FONT}`;
    context.fillText(`${duration(view.span)} shown`, 8, height - 9);
  }

  /** The violation's flag at its moment, or at the edge on whose side it lies. */
  flag(context, { t, law }, height) {
    const { view } = this.drawing;
    const x = view.x(t);
    const [left, right] = [x < NAMES_W, x > view.width];
    const text = left ? `\u25c2 broken ${duration(view.t0 - t)} earlier` : right ? `broken ${duration(t - view.t1)} later \u25b8` : `broken: ${law}`;
    context.font = `650 11px ${FONT}`;
    const wide = Math.min(context.measureText(text).width + 12, 420);
    const from = left ? NAMES_W : right || x + wide > view.width ? Math.min(x, view.width) - wide : x;
    context.fillStyle = view.colours.violation;
    context.fillRect(from, 1, wide, 16);
    if (!left && !right) context.fillRect(x - 1, 1, 2, height);
    context.fillStyle = view.colours["on-violation"];
    context.fillText(text, from + 6, 9.5, wide - 10);
  }

  /** A step of 1, 2 or 5 times a power of ten that is not below. */
  static step(least) {
    const power = 10 ** Math.floor(Math.log10(least));
    return power * ([1, 2, 5, 10].find((times) => times * power >= least) || 10);
  }
}

class Overview {
  constructor(drawing) {
    this.drawing = drawing;
    this.picture = null;
  }

  x(t, width) {
    return NAMES_W + (t / (this.drawing.events.lasts || 1)) * (width - NAMES_W - 4);
  }

  t(x, width) {
    return ((x - NAMES_W) / (width - NAMES_W - 4)) * this.drawing.events.lasts;
  }

  /** What does not change while the reader moves about. */
  paint(width, height) {
    const { view, model, events } = this.drawing;
    const ratio = window.devicePixelRatio || 1;
    this.picture = document.createElement("canvas");
    Object.assign(this.picture, { width: width * ratio, height: height * ratio });
    const context = this.picture.getContext("2d");
    context.scale(ratio, ratio);
    context.fillStyle = view.colours.panel;
    context.fillRect(0, 0, width, height);
    const nodes = model.lanes.filter((lane) => lane.isNode);
    const row = Math.min(7, (height * 0.55) / Math.max(1, nodes.length));
    for (const fault of model.faults) {
      const [x0, x1] = [this.x(fault.t0, width), this.x(fault.t1, width)];
      context.globalAlpha = 0.35;
      context.fillStyle = view.colours[faultColour(fault.what)];
      fault.lanes.forEach((lane) => context.fillRect(x0, 3 + nodes.indexOf(model.lanes[lane]) * row, Math.max(1.5, x1 - x0), row));
    }
    context.globalAlpha = 1;
    nodes.forEach((lane, at) => {
      for (const { role, t0, t1 } of lane.roles) {
        const [x0, x1] = [this.x(t0, width), this.x(Math.min(t1, events.lasts), width)];
        context.fillStyle = view.colours[role] || view.colours.follower;
        const high = role === "leader" ? row - 1.5 : Math.max(1, row * 0.3);
        context.fillRect(x0, 3 + at * row + (row - high) / 2, Math.max(0.75, x1 - x0), high);
      }
    });
    const foot = 5 + nodes.length * row;
    const bars = Math.floor(width - NAMES_W);
    const counts = new Uint32Array(bars + 1);
    for (let e = 0; e < events.size; e++) counts[Math.floor(this.x(events.time[e], width) - NAMES_W)]++;
    const most = counts.reduce((a, b) => Math.max(a, b), 1);
    context.fillStyle = view.colours.mark;
    context.globalAlpha = 0.7;
    counts.forEach((many, at) => {
      const high = Math.sqrt(many / most) * (height - foot - 2);
      if (many) context.fillRect(NAMES_W + at, height - high, 1, high);
    });
    context.globalAlpha = 1;
    context.fillStyle = view.colours.faint;
    context.font = `11px ${FONT}`;
    context.fillText("whole run", 8, 14);
    context.fillText(moment(events.lasts, 0.1), 8, 29);
  }

  draw(context, width, height) {
    const { view, model, selection, events } = this.drawing;
    if (!this.picture) this.paint(width, height);
    context.clearRect(0, 0, width, height);
    context.drawImage(this.picture, 0, 0, width, height);
    context.fillStyle = view.colours.match;
    let last = -1;
    for (const e of selection.matches || []) {
      const x = Math.floor(this.x(events.time[e], width));
      if (x !== last) context.fillRect(x, 0, 1.5, 7);
      last = x;
    }
    context.fillStyle = view.colours.violation;
    for (const { t } of model.violations) context.fillRect(this.x(t, width) - 1, 0, 2.5, height);
    const [x0, x1] = [this.x(view.t0, width), Math.max(this.x(view.t1, width), this.x(view.t0, width) + 3)];
    context.fillStyle = view.colours.ground;
    context.globalAlpha = 0.55;
    context.fillRect(NAMES_W, 0, Math.max(0, x0 - NAMES_W), height);
    context.fillRect(x1, 0, width - x1, height);
    context.globalAlpha = 1;
    context.strokeStyle = view.colours.chosen;
    context.lineWidth = 2;
    context.strokeRect(x0, 1, x1 - x0, height - 2);
  }
}
