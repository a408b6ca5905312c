// Draws the lanes: faults, roles, outages, syncs, operations, marks, the chain's numbers, the violation.

const FONT = 'system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
/** More events than these in view are summed up instead of drawn. */
const MARKS_MAX = 4000;

/** The colour of an operation's outcome. */
const OUTCOMES = {
  set: "good", deleted: "good", found: "read", absent: "read", listed: "read", refused: "refused", unknown: "unknown",
  wrong: "wrong", open: "unknown",
};

/** The class of a fault, by its words. */
function faultColour(what) {
  if (/crash|power|pause|restart/.test(what)) return "fault-process";
  if (/sync|disk|bit|misdirected|store/.test(what)) return "fault-disk";
  return /clock|drift/.test(what) ? "fault-clock" : "fault";
}

class Drawing {
  constructor(model, view, selection, words) {
    Object.assign(this, { model, view, selection, words });
    this.events = model.events;
    this.hits = [];
    this.arrows = new Arrows(this);
    this.patterns = new Map();
    /** Numbers of the told steps: event to number. */
    this.numbers = new Map();
    /** Per lane the rows of its faults' labels. */
    this.faultRows = model.lanes.map((lane) => stack(model.faults.filter((fault) => fault.lanes.includes(lane.number))));
    this.drawn = { arrows: 0, summed: 0, marks: 0 };
  }

  /** Draws all of it. `hits` is then what a pointer can find. */
  draw(context) {
    const { view } = this;
    this.context = context;
    this.hits = [];
    this.drawn = { arrows: 0, summed: 0, marks: 0 };
    context.clearRect(0, 0, view.width, view.height);
    context.textBaseline = "middle";
    this.grounds();
    context.save();
    context.beginPath();
    context.rect(NAMES_W, 0, view.width - NAMES_W, view.height);
    context.clip();
    this.faults();
    this.model.lanes.forEach((lane, number) => {
      if (this.selection.lanesOff.has(number)) return;
      if (lane.isNode) this.node(lane, view.lanes[number]);
      else this.client(lane, view.lanes[number]);
    });
    this.arrows.draw(context);
    this.marks();
    this.found();
    this.violations();
    this.steps();
    this.chosen();
    context.restore();
  }

  /** An alpha for what is not of the chain where only the chain is shown. */
  dim(e) {
    const { only } = this.selection;
    return only && !(e >= 0 && only.marks[e]) ? 0.25 : 1;
  }

  hit(x0, y0, x1, y1, e) {
    this.hits.push({ x0, y0, x1, y1, e });
  }

  text(text, x, y, { size = 11, colour = "text", weight = 400, width = Infinity } = {}) {
    const { context, view } = this;
    context.font = `${weight} ${size}px ${FONT}`;
    let shown = text;
    if (width < 8) return;
    while (shown.length > 1 && context.measureText(shown).width > width) shown = shown.slice(0, -2).trimEnd() + "…";
    if (shown.length < 2 && text.length > 2) return;
    context.fillStyle = view.colours[colour];
    context.fillText(shown, x, y);
  }

  hatch(colour, slope) {
    const key = this.view.colours[colour] + slope;
    if (!this.patterns.has(key)) {
      const tile = document.createElement("canvas");
      tile.width = tile.height = 8;
      const context = tile.getContext("2d");
      context.strokeStyle = this.view.colours[colour];
      context.lineWidth = 1.2;
      context.beginPath();
      for (const at of [-8, 0, 8]) {
        context.moveTo(at, slope > 0 ? 8 : 0);
        context.lineTo(at + 8, slope > 0 ? 0 : 8);
      }
      context.stroke();
      this.patterns.set(key, this.context.createPattern(tile, "repeat"));
    }
    return this.patterns.get(key);
  }

  grounds() {
    const { context, view, model } = this;
    view.lanes.forEach((lane, number) => {
      context.fillStyle = view.colours[number % 2 ? "lane-other" : "lane"];
      context.fillRect(0, lane.top, view.width, lane.height);
      if (number && model.lanes[number].isNode !== model.lanes[number - 1].isNode) {
        context.fillStyle = view.colours.line;
        context.fillRect(0, lane.top, view.width, 1);
      }
    });
  }

  faults() {
    const { context, view } = this;
    for (const fault of this.model.faults) {
      if (fault.t1 < view.t0 || fault.t0 > view.t1) continue;
      const x0 = Math.max(NAMES_W - 2, view.x(fault.t0));
      const x1 = Math.max(x0 + 2, Math.min(view.width + 2, view.x(fault.t1)));
      const colour = faultColour(fault.what);
      for (const number of fault.lanes) {
        if (this.selection.lanesOff.has(number)) continue;
        const { top, height } = view.lanes[number];
        context.globalAlpha = 0.1 * this.dim(fault.e);
        context.fillStyle = view.colours[colour];
        context.fillRect(x0, top + 1, x1 - x0, height - 2);
        context.globalAlpha = 0.25 * this.dim(fault.e);
        context.fillStyle = this.hatch(colour, /cut|power|sync/.test(fault.what) ? 1 : -1);
        context.fillRect(x0, top + 1, x1 - x0, height - 2);
        context.globalAlpha = this.dim(fault.e);
        const row = this.faultRows[number].get(fault);
        const y = top + 1 + Math.min(row * 12, height - 6);
        context.fillStyle = view.colours[colour];
        context.fillRect(x0, y, x1 - x0, 2);
        if (x1 - x0 > 30 && row < 3) this.text(fault.what, x0 + 4, y + 8, { size: 10, colour, weight: 600, width: x1 - x0 - 6 });
        this.hit(x0, y, x1, y + 13, fault.e);
      }
    }
    context.globalAlpha = 1;
  }

  node(lane, at) {
    const { context, view } = this;
    let last = -Infinity;
    for (const part of lane.roles) {
      if (part.t1 < view.t0 || part.t0 > view.t1) continue;
      const x0 = Math.max(NAMES_W - 4, view.x(part.t0));
      const x1 = Math.min(view.width + 4, view.x(Math.min(part.t1, this.events.lasts)));
      if (x1 < last + 0.5) continue;
      last = x1;
      this.role(part, at, x0, Math.max(x1, x0 + 1));
    }
    for (const pause of lane.pauses) {
      if (pause.t1 < view.t0 || pause.t0 > view.t1) continue;
      const [x0, x1] = [view.x(pause.t0), view.x(Math.min(pause.t1, this.events.lasts))];
      context.fillStyle = this.hatch("text", 1);
      context.fillRect(x0, at.barTop, x1 - x0, at.bar);
      if (x1 - x0 > 60) this.plate("stands still", Math.max(x0, NAMES_W) + 6, at.line);
      this.hit(x0, at.barTop, x1, at.barTop + at.bar, pause.e);
    }
    for (const outage of lane.outages) this.outage(outage, at);
    this.syncs(lane, at);
  }

  role(part, at, x0, x1) {
    const { context, view } = this;
    const thin = part.role === "leader" ? 0 : part.role === "candidate" ? 1 : 3;
    context.globalAlpha = this.selection.only ? Math.max(0.5, this.dim(part.e)) : 1;
    context.fillStyle = view.colours[part.role] || view.colours.follower;
    context.fillRect(x0, at.barTop + thin, x1 - x0, at.bar - 2 * thin);
    if (part.role === "candidate") {
      context.fillStyle = this.hatch("ground", 1);
      context.fillRect(x0, at.barTop + thin, x1 - x0, at.bar - 2 * thin);
    }
    context.globalAlpha = 1;
    if (part.t0 >= view.t0) {
      context.fillStyle = view.colours.text;
      context.fillRect(x0, at.barTop - 2, 1, at.bar + 4);
    }
    const label = part.role === "starting" ? "starts" : part.role === "leader" ? `leader, term ${part.term}` : `${part.role}, term ${part.term}`;
    const from = Math.max(x0, NAMES_W);
    if (part.role === "leader") this.text(label, from + 5, at.line + 0.5, { size: 10, colour: "on-leader", weight: 650, width: x1 - from - 8 });
    else if (x1 - from > 76) this.plate(label, from + 5, at.line);
    else if (x1 - from > 24 && part.term !== undefined) this.plate(`t${part.term}`, from + 3, at.line);
    this.hit(x0, at.barTop, x1, at.barTop + at.bar, part.e);
  }

  /** A text on a plate, for what would otherwise be lost on its ground. */
  plate(text, x, y, colour = "text") {
    const { context, view } = this;
    context.font = `500 10px ${FONT}`;
    const width = context.measureText(text).width + 6;
    context.globalAlpha = 0.86;
    context.fillStyle = view.colours.ground;
    context.beginPath();
    context.roundRect(x - 2, y - 6.5, width, 13, 3);
    context.fill();
    context.globalAlpha = 1;
    context.fillStyle = view.colours[colour];
    context.fillText(text, x + 1, y + 0.5);
  }

  outage(outage, at) {
    const { context, view } = this;
    if (outage.t1 < view.t0 || outage.t0 > view.t1) return;
    const x0 = Math.max(NAMES_W - 20, view.x(outage.t0));
    const x1 = Math.min(view.width + 20, view.x(Math.min(outage.t1, this.events.lasts)));
    context.strokeStyle = view.colours.faint;
    context.setLineDash([2, 4]);
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x0, at.line);
    context.lineTo(x1, at.line);
    context.stroke();
    context.setLineDash([]);
    if (outage.e >= 0) {
      context.strokeStyle = view.colours["fault-process"];
      context.lineWidth = 2.5;
      context.beginPath();
      for (const slope of [1, -1]) {
        context.moveTo(x0 - 5, at.line - 5 * slope);
        context.lineTo(x0 + 5, at.line + 5 * slope);
      }
      context.stroke();
      this.hit(x0 - 7, at.line - 8, x0 + 7, at.line + 8, outage.e);
    }
    const label = outage.e < 0 ? outage.how : OUTAGES[outage.how] || outage.how;
    if (x1 - x0 > 90) this.plate(outage.e < 0 ? label : `${label}, down ${outage.t1 === Infinity ? "to the end" : "for " + duration(outage.t1 - outage.t0)}`, Math.max(x0, NAMES_W) + 10, at.line, "fault-process");
    if (outage.boot < 0 || outage.t1 < view.t0 || outage.t1 > view.t1) return;
    context.fillStyle = view.colours.text;
    context.fillRect(x1 - 1, at.barTop - 4, 2, at.bar + 8);
    const number = this.events.get(outage.boot, "incarnation");
    if (number > 1) this.plate(`incarnation ${number}`, x1 + 3, at.barTop - 8);
    this.hit(x1 - 4, at.barTop - 14, x1 + 4, at.barTop + at.bar, outage.boot);
  }

  syncs(lane, at) {
    const { context, view, selection } = this;
    let last = -Infinity;
    const first = Math.max(0, firstNotBelow(lane.syncsFrom ??= Float64Array.from(lane.syncs, (sync) => sync.t0), view.t0) - 32);
    for (let n = first; n < lane.syncs.length; n++) {
      const sync = lane.syncs[n];
      if (sync.t0 > view.t1) break;
      if (sync.t1 < view.t0) continue;
      const x0 = view.x(sync.t0);
      const x1 = Math.max(x0 + 1, view.x(Math.min(sync.t1, this.events.lasts)));
      const broken = sync.ok !== true;
      if (!selection.showsEvent(sync.e) || (x1 < last + 1 && !broken)) continue;
      last = x1;
      context.fillStyle = view.colours[broken ? "lost" : "sync"];
      context.fillRect(x0, at.disk, x1 - x0, 6);
      if (broken && x1 - x0 > 4) {
        context.fillStyle = this.hatch("ground", 1);
        context.fillRect(x0, at.disk, x1 - x0, 6);
      }
      this.hit(x0, at.disk - 1, x1, at.disk + 7, sync.e);
    }
  }

  client(lane, at) {
    const { context, view, selection } = this;
    let last = -Infinity;
    for (const operation of lane.operations) {
      if (operation.t1 < view.t0 || operation.t0 > view.t1) continue;
      const x0 = view.x(operation.t0);
      const x1 = Math.max(x0 + 1, view.x(Math.min(operation.t1, this.events.lasts)));
      const colour = OUTCOMES[operation.outcome] || "unknown";
      if (x1 < last + 0.7 && colour !== "wrong") continue;
      if (!selection.showsEvent(operation.e) && !selection.only) continue;
      last = x1;
      const shown = !selection.only || selection.only.marks[operation.e] || (operation.told >= 0 && selection.only.marks[operation.told]);
      context.globalAlpha = shown ? 1 : 0.2;
      context.fillStyle = view.colours[colour];
      const narrow = x1 - x0 < 6;
      if (narrow) context.fillRect(x0, at.barTop, x1 - x0, at.bar);
      else {
        context.beginPath();
        context.roundRect(x0, at.barTop, x1 - x0, at.bar, 4);
        context.globalAlpha *= 0.34;
        context.fill();
        context.globalAlpha = shown ? 1 : 0.2;
        if (colour === "unknown") {
          context.fillStyle = this.hatch("unknown", 1);
          context.fill();
        }
        context.strokeStyle = view.colours[colour];
        context.lineWidth = 1.5;
        context.stroke();
      }
      const from = Math.max(x0, NAMES_W);
      const label = `${this.words.request(operation.what, operation.detail)}: ${operation.outcome}`;
      if (x1 - from > 40) this.text(label, from + 5, at.line + 0.5, { size: 10, width: x1 - from - 10 });
      this.hit(x0, at.barTop, x1, at.barTop + at.bar, operation.e);
      context.globalAlpha = 1;
    }
  }

  /** Ticks for a node's other events; where they are too many, the arrows' sum shows them too. */
  marks() {
    const { context, view, selection, events, model } = this;
    const [first, last] = [events.firstAt(view.t0), events.firstAt(view.t1)];
    const thin = last - first > MARKS_MAX;
    const lastX = new Map();
    for (let e = first; e < last; e++) {
      const lane = model.laneOf[e];
      if (lane < 0 || model.messageOf[e] >= 0 || !model.lanes[lane].isNode) continue;
      const kind = model.kinds[model.kindOf[e]].name;
      if (/^(role|boot|stop|pause|resume|sync|synced)$/.test(kind) || !selection.showsEvent(e)) continue;
      const at = view.lanes[lane];
      const x = view.x(events.time[e]);
      const colour = kind === "commit" || kind === "apply" ? kind : "mark";
      const key = lane + colour;
      if (thin && x < (lastX.get(key) ?? -Infinity) + 2) continue;
      lastX.set(key, x);
      context.fillStyle = view.colours[colour];
      context.globalAlpha = thin ? 0.5 : 0.9;
      const y = at.log + (colour === "mark" ? 0 : kind === "commit" ? 3 : 6);
      context.fillRect(x - 0.75, y, 1.5, colour === "mark" ? 4 : 6);
      this.hit(x - 3, y - 1, x + 3, y + 7, e);
      this.drawn.marks++;
    }
    context.globalAlpha = 1;
  }

  /** The height at which an event stands in its lane. */
  y(e) {
    const { model, view } = this;
    const lane = model.laneOf[e];
    if (lane >= 0) return view.lanes[lane].line;
    const fault = model.faults.find((fault) => fault.e === e);
    return fault && fault.lanes.length ? view.lanes[fault.lanes[0]].top + 9 : 9;
  }

  found() {
    const { context, view, selection, events } = this;
    if (!selection.matches) return;
    context.fillStyle = view.colours.match;
    context.strokeStyle = view.colours.text;
    context.lineWidth = 0.75;
    const from = firstNotBelow(selection.matches, events.firstAt(view.t0));
    let last = -Infinity;
    for (let at = from; at < selection.matches.length; at++) {
      const e = selection.matches[at];
      const x = view.x(events.time[e]);
      if (x > view.width) break;
      if (x < last + 0.25) continue;
      last = x;
      const y = this.y(e);
      context.beginPath();
      context.moveTo(x, y - 6);
      context.lineTo(x + 5, y - 15);
      context.lineTo(x - 5, y - 15);
      context.closePath();
      context.fill();
      context.stroke();
    }
  }

  violations() {
    const { context, view, events } = this;
    for (const violation of this.model.violations) {
      const x = view.x(violation.t);
      context.strokeStyle = view.colours.violation;
      context.lineWidth = 2;
      context.beginPath();
      context.moveTo(x, 0);
      context.lineTo(x, view.height);
      context.stroke();
      this.hit(x - 4, 0, x + 4, view.height, violation.e);
      for (const e of violation.about) {
        context.beginPath();
        context.arc(view.x(events.time[e]), this.y(e), 13, 0, 7);
        context.stroke();
      }
    }
  }

  /** The numbers of the story's steps, beside each other where they crowd. */
  steps() {
    const { context, view, events, model } = this;
    const placed = [];
    context.textAlign = "center";
    for (const [e, { number, isContext }] of [...this.numbers].reverse()) {
      let x = view.x(events.time[e]) - (model.laneOf[e] < 0 && e !== model.violation?.e ? 9 : 0);
      if (x < NAMES_W - 8 || x > view.width + 8) continue;
      const y = this.y(e);
      // Several at one moment stand in a row that ends there; many are told apart by zooming in.
      const crowds = () => placed.some((other) => Math.abs(other.x - x) < 16 && Math.abs(other.y - y) < 16);
      const from = x - 36;
      while (x > from && crowds()) x -= 4;
      if (crowds()) continue;
      placed.push({ x, y });
      const isViolation = model.violation?.e === e;
      context.beginPath();
      context.arc(x, y, 8.5, 0, 7);
      context.fillStyle = view.colours[isViolation ? "violation" : isContext ? "raised" : "chain"];
      context.fill();
      context.strokeStyle = view.colours[isContext ? "faint" : "ground"];
      context.lineWidth = 1.25;
      context.stroke();
      this.text(String(number), x, y + 0.5, { size: 10, weight: 700, colour: isViolation ? "on-violation" : isContext ? "text" : "on-chain" });
      this.hit(x - 9, y - 9, x + 9, y + 9, e);
    }
    context.textAlign = "left";
  }

  chosen() {
    const { context, view, events, selection } = this;
    if (selection.chosen < 0) return;
    const [x, y] = [view.x(events.time[selection.chosen]), this.y(selection.chosen)];
    context.strokeStyle = view.colours.chosen;
    context.lineWidth = 1;
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, view.height);
    context.stroke();
    context.setLineDash([]);
    context.lineWidth = 3;
    context.beginPath();
    context.arc(x, y, 11, 0, 7);
    context.stroke();
  }

  /** The event under a pointer, or -1: what was drawn last lies on top; arrows give way to what is smaller. */
  at(x, y) {
    for (let n = this.hits.length - 1; n >= 0; n--) {
      const { x0, y0, x1, y1, e } = this.hits[n];
      const isSmall = x1 - x0 < 26;
      if (isSmall && x >= x0 && x <= x1 && y >= y0 && y <= y1) return e;
    }
    const arrow = this.arrows.at(x, y);
    if (arrow >= 0) return arrow;
    const bar = this.hits.findLast((hit) => x >= hit.x0 && x <= hit.x1 && y >= hit.y0 && y <= hit.y1);
    return bar ? bar.e : -1;
  }
}
