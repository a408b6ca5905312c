// What an engineer thinks in, made of events: lanes, messages, roles, outages, syncs, operations, faults.

/** What became of a message, the worst that can be said of it. The order is that of the legend. */
const FATES = ["delivered", "doubled", "overtaking", "late", "lost", "on its way"];
const FATE = Object.fromEntries(FATES.map((fate, at) => [fate, at]));

/** A message that takes longer is late, also where no cut held it. In seconds. */
const LATE_S = 0.3;

class Model {
  constructor(events) {
    this.events = events;
    this.schedule = (events.size && events.get(0, "schedule")) || {};
    this.lanes = [];
    this.laneNumbers = new Map();
    this.findLanes();
    /** The lane of each event, -1 for the run's own. */
    this.laneOf = new Int16Array(events.size).fill(-1);
    this.kinds = [];
    this.kindOf = new Uint8Array(events.size);
    this.messages = [];
    this.messageByNumber = new Map();
    /** The message of each event that is of one, or -1. */
    this.messageOf = new Int32Array(events.size).fill(-1);
    this.faults = [];
    this.faultById = new Map();
    this.phases = [];
    this.violations = [];
    this.verdict = null;
    this.openSyncs = new Map();
    this.openAsks = new Map();
    /** By request. */
    this.asked = new Map();
    /** From an event to others that led to it besides its cause. */
    this.alsoFrom = new Map();
    this.build();
    this.close();
  }

  findLanes() {
    const { events, schedule } = this;
    const found = new Set();
    for (let n = 1; n <= (schedule.nodes || 0); n++) found.add("n" + n);
    for (const { columns } of events.shapes) {
      for (const n of new Set(columns.get("node") || [])) found.add("n" + n);
      for (const n of new Set(columns.get("client") || [])) found.add("c" + n);
    }
    const order = (name) => (name[0] === "n" ? 0 : 1e6) + Number(name.slice(1));
    for (const name of [...found].sort((a, b) => order(a) - order(b))) {
      const isNode = name[0] === "n";
      this.laneNumbers.set(name, this.lanes.length);
      this.lanes.push({
        name,
        isNode,
        number: this.lanes.length,
        title: (isNode ? "node " : "client ") + name.slice(1),
        roles: [],
        outages: [],
        pauses: [],
        syncs: [],
        operations: [],
      });
    }
  }

  lane(place) {
    return this.laneNumbers.get(place) ?? -1;
  }

  build() {
    const { events } = this;
    const kindNumbers = new Map();
    const kindOfShape = events.shapes.map(({ kind }) => {
      if (!kindNumbers.has(kind)) {
        kindNumbers.set(kind, this.kinds.length);
        this.kinds.push({ name: kind, count: 0 });
      }
      return kindNumbers.get(kind);
    });
    for (let e = 0; e < events.size; e++) {
      const shape = events.shapes[events.shapeOf[e]];
      const row = events.rowOf[e];
      const node = shape.columns.get("node");
      const client = shape.columns.get("client");
      const lane = node ? this.lane("n" + node[row]) : client ? this.lane("c" + client[row]) : -1;
      // What the run says of one node is that node's.
      const said = lane < 0 && shape.kind !== "fault" && shape.columns.get("nodes")?.[row];
      this.laneOf[e] = said && said.length === 1 ? this.lane(said[0]) : lane;
      this.kindOf[e] = kindOfShape[events.shapeOf[e]];
      this.kinds[this.kindOf[e]].count++;
      const handle = Model.handlers[shape.kind];
      if (handle) handle.call(this, e, this.lanes[lane], (member) => shape.columns.get(member)?.[row], events.time[e]);
    }
  }

  alsoCausedBy(e, other) {
    if (other < 0 || other === undefined || other === this.events.cause[e]) return;
    if (!this.alsoFrom.has(e)) this.alsoFrom.set(e, []);
    this.alsoFrom.get(e).push(other);
  }

  /** The message that an event is of; one is made up where its send is not in the trace. */
  messageFor(e, lane, get) {
    const number = get("msg");
    let at = this.messageByNumber.get(number);
    if (at === undefined) {
      at = this.messages.length;
      const [from, to] = get("from") !== undefined ? [this.lane(get("from")), lane] : [lane, this.lane(get("to"))];
      this.messages.push({
        number, from, to, what: get("what") || "", send: -1, receive: -1, again: null, end: -1,
        fate: FATE["on its way"], why: "", t0: this.events.time[e], t1: NaN,
      });
      this.messageByNumber.set(number, at);
    }
    this.messageOf[e] = at;
    const message = this.messages[at];
    if (message.send >= 0 && message.send !== e) this.alsoCausedBy(e, message.send);
    return message;
  }

  /** The events that led to this one: its cause first. */
  causes(e) {
    const cause = this.events.cause[e];
    const also = this.alsoFrom.get(e) || [];
    return cause >= 0 ? [cause, ...also] : also;
  }

  closeLane(lane, t) {
    const role = lane.roles.at(-1);
    if (role && role.t1 === Infinity) role.t1 = t;
    const pause = lane.pauses.at(-1);
    if (pause && pause.t1 === Infinity) pause.t1 = t;
    const outage = lane.outages.at(-1);
    if (outage && outage.t1 === Infinity) outage.t1 = t;
    for (const [key, sync] of this.openSyncs) {
      if (sync.lane !== lane.number) continue;
      Object.assign(sync, { t1: t, ok: null });
      this.openSyncs.delete(key);
    }
  }

  /**
   * The events that a violation is about: those it says, the requests whose numbers stand in its words, and what
   * happened at the very moment before it, which it was judged by.
   */
  about(e, said, ...texts) {
    const before = e > 0 && this.laneOf[e - 1] >= 0 && this.events.time[e - 1] === this.events.time[e] ? e - 1 : -1;
    const named = new Set(texts.join(" ").match(/[\w.-]+/g));
    const asked = [...this.asked].filter(([op]) => named.has(op)).flatMap(([, { e, told }]) => [e, told]);
    return [...new Set([...said, ...asked, before])].filter((n) => n >= 0 && n < e).sort((a, b) => a - b);
  }

  /** Ends what the end of the trace left open, and sorts what is searched. */
  close() {
    const { events } = this;
    for (const message of this.messages) {
      const took = message.t1 - message.t0;
      if (message.receive >= 0 && message.fate !== FATE.late && took > LATE_S) message.fate = FATE.late;
      message.last = Math.max(Number.isNaN(message.t1) ? message.t0 : message.t1, message.again ? message.again.t : 0);
    }
    // Sends come in the order of time; a message without one does not.
    this.messages.sort((a, b) => a.t0 - b.t0 || a.number - b.number);
    const order = new Map(this.messages.map((message, at) => [message.number, at]));
    for (let e = 0; e < events.size; e++) {
      if (this.messageOf[e] >= 0) this.messageOf[e] = order.get(events.get(e, "msg"));
    }
    this.sentAt = Float64Array.from(this.messages, (message) => message.t0);
    /** Those that are under way for so long that looking back from a window's start does not find them. */
    this.longMessages = this.messages.flatMap((message, at) => (message.last - message.t0 > LATE_S ? [at] : []));
    this.fateCounts = FATES.map((_, fate) => this.messages.filter((message) => message.fate === fate).length);
    this.doubled = this.messages.filter((message) => message.again).length;
    this.kindsByName = new Map(this.kinds.map((kind, at) => [kind.name, at]));
    this.violation = this.violations[0] || null;
    for (const fault of this.faults) {
      fault.lanes = fault.places.map((place) => this.lane(place)).filter((lane) => lane >= 0);
      fault.t1 = Math.min(fault.t1, events.lasts);
    }
  }
}

/** What each kind of event adds: (event, its lane, member reader, moment), with the model as `this`. */
Model.handlers = {
  phase(e, lane, get, t) {
    this.phases.push({ e, t, name: get("detail") });
    // Healing ends what is still wrong, without a word for each.
    if (get("detail") !== "heal") return;
    for (const fault of this.faults) if (fault.over < 0) fault.t1 = Math.min(fault.t1, t);
  },
  fault(e, lane, get, t) {
    const forMs = get("forMs");
    const fault = {
      e, id: get("fault"), what: get("what"), places: get("nodes") || [], forMs, detail: get("detail") || "", t0: t,
      t1: forMs ? t + forMs / 1e3 : t, over: -1,
    };
    this.faults.push(fault);
    this.faultById.set(fault.id, fault);
  },
  "fault-over"(e, lane, get, t) {
    const fault = this.faultById.get(get("fault"));
    if (!fault) return;
    Object.assign(fault, { t1: t, over: e });
    this.alsoCausedBy(e, fault.e);
  },
  violation(e, lane, get, t) {
    const about = this.about(e, get("about") || [], get("detail"), get("expected"), get("seen"));
    this.violations.push({
      e, t, law: get("law"), about, expected: get("expected"), seen: get("seen"), detail: get("detail"),
    });
    about.forEach((n) => this.alsoCausedBy(e, n));
  },
  end(e, lane, get) {
    this.verdict = get("verdict");
  },
  boot(e, lane, get, t) {
    const outage = lane.outages.at(-1);
    if (outage && outage.t1 === Infinity) {
      Object.assign(outage, { t1: t, boot: e });
      this.alsoCausedBy(e, outage.e);
    } else if (!outage && !lane.roles.length) lane.outages.push({ e: -1, boot: e, t0: 0, t1: t, how: "not yet started" });
    lane.roles.push({ e, t0: t, t1: Infinity, role: "starting", term: undefined, incarnation: get("incarnation") });
  },
  stop(e, lane, get, t) {
    this.closeLane(lane, t);
    lane.outages.push({ e, boot: -1, t0: t, t1: Infinity, how: get("detail") || "stopped" });
  },
  fatal(e, lane, get, t) {
    this.closeLane(lane, t);
    lane.outages.push({ e, boot: -1, t0: t, t1: Infinity, how: "fatal" });
  },
  pause(e, lane, get, t) {
    lane.pauses.push({ e, t0: t, t1: Infinity });
  },
  resume(e, lane, get, t) {
    const pause = lane.pauses.at(-1);
    if (!pause || pause.t1 !== Infinity) return;
    pause.t1 = t;
    this.alsoCausedBy(e, pause.e);
  },
  role(e, lane, get, t) {
    const before = lane.roles.at(-1);
    if (before && before.t1 === Infinity) before.t1 = t;
    lane.roles.push({
      e, t0: t, t1: Infinity, role: get("role"), term: get("term"), leader: get("leader"), incarnation: get("incarnation"),
    });
  },
  send(e, lane, get, t) {
    const message = this.messageFor(e, lane ? lane.number : -1, get);
    Object.assign(message, { send: e, t0: t, what: get("what") || "", to: this.lane(get("to")) });
  },
  receive(e, lane, get, t) {
    const message = this.messageFor(e, lane ? lane.number : -1, get);
    if (get("again") || message.receive >= 0) {
      message.again = { e, t };
      if (message.fate === FATE.delivered) message.fate = FATE.doubled;
      return;
    }
    Object.assign(message, { receive: e, t1: t });
    if (message.fate === FATE["on its way"]) message.fate = FATE.delivered;
  },
  lost(e, lane, get, t) {
    const message = this.messageFor(e, lane ? lane.number : -1, get);
    Object.assign(message, { end: e, fate: FATE.lost, why: get("why") || "" });
    if (Number.isNaN(message.t1)) message.t1 = t;
  },
  held(e, lane, get) {
    const message = this.messageFor(e, lane ? lane.number : -1, get);
    Object.assign(message, { fate: FATE.late, why: "held by a cut" });
  },
  overtakes(e, lane, get) {
    const message = this.messageFor(e, lane ? lane.number : -1, get);
    if (message.fate !== FATE.late) message.fate = FATE.overtaking;
  },
  sync(e, lane, get, t) {
    const sync = { e, end: -1, lane: lane.number, t0: t, t1: Infinity, ok: true, file: get("detail") || "" };
    lane.syncs.push(sync);
    // Where it has no number, its event's is meant.
    this.openSyncs.set(lane.name + ":" + (get("io") ?? e), sync);
  },
  synced(e, lane, get, t) {
    const key = lane.name + ":" + get("io");
    const sync = this.openSyncs.get(key);
    if (!sync) return;
    this.openSyncs.delete(key);
    Object.assign(sync, { end: e, t1: t, ok: get("ok") !== false });
    this.alsoCausedBy(e, sync.e);
  },
  ask(e, lane, get, t) {
    const key = lane.name + ":" + get("op");
    if (this.openAsks.has(key)) return;
    const operation = {
      e, told: -1, lane: lane.number, t0: t, t1: Infinity, op: get("op"), what: get("what"), outcome: "open",
      detail: get("detail") || "",
    };
    lane.operations.push(operation);
    this.openAsks.set(key, operation);
    this.asked.set(operation.op, operation);
  },
  told(e, lane, get, t) {
    const key = lane.name + ":" + get("op");
    const operation = this.openAsks.get(key);
    if (!operation) return;
    this.openAsks.delete(key);
    Object.assign(operation, { told: e, t1: t, outcome: get("outcome") || "told" });
    this.alsoCausedBy(e, operation.e);
  },
};
