// What led to an event, and how that is told.

/** The steps told one by one before the end of a story; of earlier ones only what turned the run. */
const STEPS_IN_FULL = 14;
const STEPS_MAX = 40;

/** Kinds that turn a run. */
const TURNS = new Set([
  "fault", "stop", "boot", "pause", "resume", "fatal", "role", "ask", "told", "lost", "held", "overtakes", "violation",
  "truncate",
]);

class Story {
  constructor(model, words) {
    this.model = model;
    this.events = model.events;
    this.words = words;
  }

  /** Where the story ends when the reader has chosen nothing: the violation, or the last event. */
  defaultStart() {
    const { violation } = this.model;
    return violation ? violation.e : this.events.size - 1;
  }

  /**
   * The events that led to this one: its causes, theirs, and so on; and for each node among them what was done to it
   * last: its last fault, outage and change of role.
   */
  ledTo(start) {
    const { model, events } = this;
    const marks = new Uint8Array(events.size);
    const open = [start];
    marks[start] = 1;
    while (open.length) {
      for (const cause of model.causes(open.pop())) {
        if (marks[cause]) continue;
        marks[cause] = 1;
        open.push(cause);
      }
    }
    /** The last event of each lane in the chain: what was done to the lane counts up to there. */
    const last = new Map();
    for (let e = start; e >= 0; e--) {
      const lane = model.laneOf[e];
      if (marks[e] && lane >= 0 && !last.has(lane)) last.set(lane, e);
    }
    const context = new Set();
    const add = (e) => {
      if (e < 0 || e >= start || marks[e]) return;
      marks[e] = 1;
      context.add(e);
    };
    for (const [number, e] of last) {
      const lane = model.lanes[number];
      const before = (list) => list.findLast((item) => item.e >= 0 && item.e <= e);
      const fault = model.faults.findLast((fault) => fault.e < start && fault.lanes.includes(number));
      const outage = lane.outages.findLast((outage) => outage.e >= 0 && outage.e < start);
      if (fault) add(fault.e);
      if (outage) {
        const struck = model.faults.findLast((fault) => fault.t0 <= outage.t0 && fault.lanes.includes(number) && faultColour(fault.what) === "fault-process");
        if (struck) add(struck.e);
        add(outage.e);
        if (outage.boot >= 0) add(outage.boot);
      }
      const role = before(lane.roles);
      if (role) add(role.e);
    }
    return { start, marks, context };
  }

  /** What turned the run, where there is nothing that it led to. */
  course() {
    const { model, events } = this;
    const marks = new Uint8Array(events.size);
    const turns = new Set(["phase", "fault", "stop", "boot", "fatal", "violation", "end"]);
    for (let e = 0; e < events.size; e++) {
      const kind = events.kind(e);
      if (turns.has(kind) || (kind === "role" && events.get(e, "role") === "leader")) marks[e] = 1;
    }
    return { start: events.size - 1, marks, context: new Set() };
  }

  /** The events that came of this one. */
  cameOf(start) {
    const { model, events } = this;
    const marks = new Uint8Array(events.size);
    marks[start] = 1;
    for (let e = start + 1; e < events.size; e++) {
      const cause = events.cause[e];
      const also = model.alsoFrom.get(e);
      if ((cause >= 0 && marks[cause]) || (also && also.some((other) => marks[other]))) marks[e] = 1;
    }
    return { start, marks, context: new Set() };
  }

  /**
   * The chain as steps to be read: `{ e, events, text, isContext }`, a message's way or a sync as one, and
   * `{ events, text, isGap }` for what is passed over.
   */
  tell({ start, marks, context }) {
    const steps = [];
    const about = new Set(this.model.violations.flatMap((violation) => violation.about));
    for (let e = 0; e < marks.length; e++) if (marks[e]) this.addStep(steps, e, context, about);
    const chosen = new Set(steps.slice(-STEPS_IN_FULL));
    const turns = steps.filter((step) => step.isTurn && !chosen.has(step));
    // Where even the turns are many, those near the end are told, and what was done to the nodes.
    const kept = turns.filter((step) => step.isContext || step.isAbout).slice(-STEPS_MAX / 2);
    const room = STEPS_MAX - chosen.size - kept.length;
    const others = turns.filter((step) => !step.isContext && !step.isAbout);
    for (const step of [...kept, ...(room > 0 ? others.slice(-room) : [])]) chosen.add(step);
    const told = [];
    for (const step of steps) {
      if (chosen.has(step)) told.push(step);
      else if (told.at(-1)?.isGap) told.at(-1).steps.push(step);
      else told.push({ isGap: true, steps: [step] });
    }
    for (const gap of told) {
      if (!gap.isGap) continue;
      gap.events = gap.steps.flatMap((step) => step.events);
      gap.text = this.gap(gap.steps);
    }
    return told;
  }

  addStep(steps, e, context, about) {
    const { events, model, words } = this;
    const kind = events.kind(e);
    const at = model.messageOf[e];
    const before = steps.at(-1);
    const isAbout = about.has(e);
    // One message, one step: its sending says what became of it.
    if (at >= 0 && kind !== "send" && !isAbout) {
      const sent = steps.slice(-6).find((step) => step.message === at);
      if (sent) {
        sent.events.push(e);
        sent.isTurn ||= TURNS.has(kind);
        return;
      }
    }
    if (kind === "synced" && before && events.kind(before.e) === "sync" && events.get(e, "ok") !== false) {
      before.events.push(e);
      before.text = `${words.who(e)} syncs${before.file ? " " + before.file : ""} (${duration(events.time[e] - before.t)})`;
      return;
    }
    const what = at >= 0 ? model.messages[at].what : "";
    steps.push({
      e, events: [e], t: events.time[e], text: words.say(e), message: at, isContext: context.has(e), isAbout,
      file: kind === "sync" ? events.get(e, "detail") : "",
      isTurn: isAbout || TURNS.has(kind) || /vote|snapshot/.test(what) || /warn|error/.test(events.get(e, "level")) || (kind === "synced" && events.get(e, "ok") === false),
    });
  }

  gap(steps) {
    const tally = new Map();
    for (const { e, message } of steps) {
      const what = message >= 0 ? this.model.messages[message].what || "message" : this.events.kind(e);
      tally.set(what, (tally.get(what) || 0) + 1);
    }
    const most = [...tally].sort((a, b) => b[1] - a[1]).slice(0, 3);
    const [first, last] = [steps[0], steps.at(-1)];
    const span = `${moment(first.t)} to ${moment(last.t)}`;
    return `${count(steps.length, "step")} (${span}): ${most.map(([what, many]) => `${many} ${what}`).join(", ")}`;
  }

  /** What the run was, and what befell it, for the head of the page. */
  summary() {
    const { model, events } = this;
    const { schedule, violation } = model;
    const nodes = model.lanes.filter((lane) => lane.isNode).length;
    const clients = model.lanes.length - nodes;
    const until = violation ? violation.t : events.lasts;
    const faults = model.faults.filter((fault) => fault.t0 <= until);
    return {
      seed: schedule.seed,
      cluster: `${count(nodes, "node")}, ${count(clients, "client")}, ${moment(events.lasts, 0.1)} of simulated time, ` +
        `${count(events.size, "event")}`,
      faults,
      active: faults.filter((fault) => fault.t1 >= until),
      phase: model.phases.findLast((phase) => phase.t <= until)?.name,
      violation,
      verdict: model.verdict,
    };
  }

  /** The stretch to show at first: what the violation is about, and the moment itself where it is near. */
  firstStretch(steps) {
    const { events } = this;
    const { violation } = this.model;
    if (!violation) return [0, events.lasts];
    const at = violation.about.map((e) => events.time[e]).sort((a, b) => a - b);
    const last = at.length && violation.t - at.at(-1) > 10 ? at.at(-1) : violation.t;
    const recent = [...at, ...steps.filter((step) => !step.isGap).slice(-STEPS_IN_FULL).map((step) => step.t)];
    const from = Math.min(last - 1, ...recent.filter((t) => t <= last && t >= last - 6));
    const span = last - from;
    return [Math.max(0, from - span * 0.08), last + span * 0.12];
  }
}
