// Draws messages: each an arrow where they can be told apart, their number per moment where they cannot.

/** More arrows than these in view are summed up: first the ones that arrived in order, then also the others. */
const ARROWS_MAX = 2500;
const TROUBLED_MAX = 1500;
/** The width of a bar of the sum. */
const BAR_W = 3;

/** How each fate is drawn: colour, dashes, line width. */
const STYLES = [
  { colour: "delivered", dash: [], width: 1 },
  { colour: "doubled", dash: [], width: 1.4 },
  { colour: "overtaking", dash: [8, 2, 2, 2], width: 1.5 },
  { colour: "late", dash: [7, 3], width: 1.5 },
  { colour: "lost", dash: [2.5, 2.5], width: 1.5 },
  { colour: "way", dash: [1, 4], width: 1.2 },
];

class Arrows {
  constructor(drawing) {
    this.drawing = drawing;
    this.segments = [];
  }

  /** The numbers of the messages that are shown and reach into view. */
  inView() {
    const { model, view, selection } = this.drawing;
    const first = firstNotBelow(model.sentAt, view.t0 - LATE_S);
    const list = model.longMessages.filter((at) => at < first && model.messages[at].last >= view.t0);
    for (let at = first; at < model.messages.length && model.sentAt[at] <= view.t1; at++) list.push(at);
    return list.filter((at) => model.messages[at].last >= view.t0 && selection.showsMessage(at));
  }

  draw(context) {
    const { model, selection, drawing } = { ...this.drawing, drawing: this.drawing };
    this.segments = [];
    const shown = this.inView();
    const calm = [];
    const troubled = [];
    const chain = [];
    for (const at of shown) {
      const message = model.messages[at];
      if (selection.isEmphasised(message)) chain.push(at);
      else if (message.fate <= FATE.doubled) calm.push(at);
      else troubled.push(at);
    }
    const summed = [];
    if (calm.length + troubled.length > ARROWS_MAX) summed.push(...calm.splice(0));
    if (troubled.length > TROUBLED_MAX) summed.push(...troubled.splice(0));
    if (summed.length) this.sum(context, summed);
    const room = calm.length < 150 ? 0.9 : calm.length < 600 ? 0.6 : 0.4;
    this.batch(context, calm, selection.only ? 1 : room);
    this.batch(context, troubled, selection.only ? 1 : 0.85);
    // Of a chain that is too long to be seen, the last part is: it is nearest to what it led to.
    this.batch(context, chain.slice(-ARROWS_MAX), 1, 1.4);
    drawing.drawn.arrows = calm.length + troubled.length + chain.length;
    drawing.drawn.summed = summed.length;
  }

  /** The ends of an arrow on the screen. */
  ends(message) {
    const { view, events } = this.drawing;
    const from = view.lanes[message.from] || { line: -10, bar: 0 };
    const to = view.lanes[message.to] || { line: view.height + 10, bar: 0 };
    const x0 = view.x(message.t0);
    const down = Math.sign(to.line - from.line) || 1;
    const y0 = from.line + (down * from.bar) / 2;
    const y1 = to.line - (down * to.bar) / 2;
    if (message.receive >= 0) return [x0, y0, view.x(message.t1), y1];
    // One that does not arrive ends halfway.
    const t1 = Number.isNaN(message.t1) ? Math.min(message.t0 + view.step * 24, events.lasts) : message.t1;
    return [x0, y0, Math.max(x0 + 6, Math.min(view.x(t1), x0 + 60)), y0 + (y1 - y0) * 0.5];
  }

  batch(context, list, alpha, bolder = 0) {
    const { model, view } = this.drawing;
    const byFate = FATES.map(() => []);
    for (const at of list) byFate[model.messages[at].fate].push(at);
    byFate.forEach((some, fate) => {
      if (!some.length) return;
      const { colour, dash, width } = STYLES[fate];
      context.globalAlpha = alpha;
      context.strokeStyle = context.fillStyle = view.colours[colour];
      context.lineWidth = width + bolder;
      context.setLineDash(dash);
      context.beginPath();
      const heads = [];
      for (const at of some) {
        const message = model.messages[at];
        const [x0, y0, x1, y1] = this.ends(message);
        context.moveTo(x0, y0);
        context.lineTo(x1, y1);
        const e = message.send >= 0 ? message.send : message.receive >= 0 ? message.receive : message.end;
        this.segments.push({ x0, y0, x1, y1, e });
        heads.push([x0, y0, x1, y1, message]);
      }
      context.stroke();
      context.setLineDash([]);
      this.heads(context, heads, fate, bolder);
    });
    this.copies(context, list, alpha);
    context.globalAlpha = 1;
  }

  /** What an arrow ends in: a head where it arrived, a cross where it was lost, a ring where it was late. */
  heads(context, heads, fate, bolder) {
    context.beginPath();
    for (const [x0, y0, x1, y1] of heads) {
      if (fate === FATE.lost) {
        for (const slope of [1, -1]) {
          context.moveTo(x1 - 4, y1 - 4 * slope);
          context.lineTo(x1 + 4, y1 + 4 * slope);
        }
      } else if (fate !== FATE["on its way"]) Arrows.head(context, x0, y0, x1, y1, 6 + bolder);
    }
    if (fate === FATE.lost) {
      context.lineWidth = 2 + bolder / 2;
      context.stroke();
    } else context.fill();
    if (fate !== FATE.late && fate !== FATE.overtaking) return;
    context.beginPath();
    for (const [x0, y0, x1, y1] of heads) {
      const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
      if (fate === FATE.late) {
        context.moveTo(x + 4, y);
        context.arc(x, y, 4, 0, 7);
      } else Arrows.head(context, x0, y0, x, y, 7);
    }
    if (fate === FATE.late) context.stroke();
    else context.fill();
  }

  static head(context, x0, y0, x1, y1, size) {
    const length = Math.hypot(x1 - x0, y1 - y0) || 1;
    const [dx, dy] = [(x1 - x0) / length, (y1 - y0) / length];
    context.moveTo(x1, y1);
    context.lineTo(x1 - dx * size - dy * size * 0.45, y1 - dy * size + dx * size * 0.45);
    context.lineTo(x1 - dx * size + dy * size * 0.45, y1 - dy * size - dx * size * 0.45);
    context.closePath();
  }

  /** Second copies: a line of their own with an empty head. */
  copies(context, list, alpha) {
    const { model, view } = this.drawing;
    context.globalAlpha = alpha;
    context.strokeStyle = view.colours.doubled;
    context.lineWidth = 1.3;
    for (const at of list) {
      const message = model.messages[at];
      if (!message.again) continue;
      const [x0, y0, , y1] = this.ends({ ...message, receive: message.again.e, t1: message.again.t });
      const x1 = view.x(message.again.t);
      context.setLineDash([5, 2]);
      context.beginPath();
      context.moveTo(x0, y0);
      context.lineTo(x1, y1);
      context.stroke();
      context.setLineDash([]);
      context.beginPath();
      Arrows.head(context, x0, y0, x1, y1, 8);
      context.stroke();
      this.segments.push({ x0, y0, x1, y1, e: message.again.e });
    }
  }

  /** How many were sent per moment, by what became of them, at the foot of the sender's lane. */
  sum(context, list) {
    const { model, view } = this.drawing;
    const bars = Math.ceil((view.width - NAMES_W) / BAR_W) + 1;
    const tally = model.lanes.map(() => null);
    let most = 1;
    for (const at of list) {
      const { from, t0, fate } = model.messages[at];
      const bar = Math.floor((view.x(t0) - NAMES_W) / BAR_W);
      if (from < 0 || bar < 0 || bar >= bars) continue;
      tally[from] ??= new Uint16Array(bars * FATES.length);
      tally[from][bar * FATES.length + fate]++;
    }
    tally.forEach((counts, lane) => {
      for (let bar = 0; counts && model.lanes[lane].isNode && bar < bars; bar++) {
        let all = 0;
        for (let fate = 0; fate < FATES.length; fate++) all += counts[bar * FATES.length + fate];
        most = Math.max(most, all);
      }
    });
    tally.forEach((counts, number) => {
      if (!counts) return;
      const lane = view.lanes[number];
      const room = model.lanes[number].isNode ? lane.bottom - lane.log - 10 : lane.height * 0.3;
      context.globalAlpha = 0.75;
      for (let fate = 0; fate < FATES.length; fate++) {
        context.fillStyle = view.colours[STYLES[fate].colour];
        for (let bar = 0; bar < bars; bar++) {
          const many = counts[bar * FATES.length + fate];
          if (!many) continue;
          let below = 0;
          for (let under = 0; under < fate; under++) below += counts[bar * FATES.length + under];
          const high = Math.max(1.5, (many / most) * room);
          const foot = lane.bottom - 1 - Math.min(room, (below / most) * room);
          context.fillRect(NAMES_W + bar * BAR_W, foot - high, BAR_W - 0.5, high);
        }
      }
    });
    context.globalAlpha = 1;
  }

  /** The event of the arrow that passes within four pixels, or -1. */
  at(x, y) {
    let [nearest, found] = [4, -1];
    for (const { x0, y0, x1, y1, e } of this.segments) {
      const [dx, dy] = [x1 - x0, y1 - y0];
      const along = Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1)));
      const distance = Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
      if (distance <= nearest) [nearest, found] = [distance, e];
    }
    return found;
  }
}
