// Unpacks what pack.rs packed: columns per shape, texts by number, time and causes as differences.

/** The events of a run. `size` of them, numbered from 0. */
class Events {
  constructor(packed) {
    const size = packed.order.length;
    this.size = size;
    this.cutShort = packed.cutShort;
    this.texts = packed.texts;
    this.shapes = packed.shapes.map((shape) => {
      const columns = new Map();
      shape.members.forEach((member, at) => columns.set(member, Events.column(shape.columns[at], packed.texts)));
      return { kind: shape.kind, members: shape.members, columns };
    });
    /** Seconds. */
    this.time = new Float64Array(size);
    this.shapeOf = Uint16Array.from(packed.order);
    this.rowOf = new Uint32Array(size);
    /** The event that led to this one, or -1. */
    this.cause = new Int32Array(size).fill(-1);
    const rows = new Uint32Array(this.shapes.length);
    let ns = 0;
    for (let e = 0; e < size; e++) {
      ns += packed.stepsNs[e];
      this.time[e] = ns / 1e9;
      const shape = this.shapeOf[e];
      const row = rows[shape]++;
      this.rowOf[e] = row;
      const back = this.shapes[shape].columns.get("cause");
      if (back) this.cause[e] = e - back[row];
    }
    /** The last moment. */
    this.lasts = size ? this.time[size - 1] : 0;
  }

  static column(packed, texts) {
    if (packed.numbers) return packed.numbers;
    if (packed.values) return packed.values;
    if (packed.texts) return packed.texts.map((text) => texts[text]);
    let sum = 0;
    return packed.steps.map((step) => (sum += step));
  }

  kind(e) {
    return this.shapes[this.shapeOf[e]].kind;
  }

  /** A member's value; undefined where the event has none of that name. */
  get(e, member) {
    const column = this.shapes[this.shapeOf[e]].columns.get(member);
    return column && column[this.rowOf[e]];
  }

  /** The event as it stood in the trace. */
  json(e) {
    const { kind, members } = this.shapes[this.shapeOf[e]];
    const object = { n: e, t: this.time[e] };
    const whose = members.filter((member) => ["node", "incarnation", "client"].includes(member));
    for (const member of whose) object[member] = this.get(e, member);
    object.kind = kind;
    for (const member of members) {
      if (!whose.includes(member)) object[member] = member === "cause" ? this.cause[e] : this.get(e, member);
    }
    return object;
  }

  /** The first event that is not before this moment. */
  firstAt(seconds) {
    return firstNotBelow(this.time, seconds);
  }

  /** For each event those that it led to: `effects(e)` gives their numbers. */
  effects(e) {
    if (!this.effectsFrom) {
      const from = new Uint32Array(this.size + 1);
      for (let i = 0; i < this.size; i++) if (this.cause[i] >= 0) from[this.cause[i] + 1]++;
      for (let i = 0; i < this.size; i++) from[i + 1] += from[i];
      const next = from.slice();
      const list = new Uint32Array(from[this.size]);
      for (let i = 0; i < this.size; i++) if (this.cause[i] >= 0) list[next[this.cause[i]]++] = i;
      this.effectsFrom = from;
      this.effectsList = list;
    }
    return this.effectsList.subarray(this.effectsFrom[e], this.effectsFrom[e + 1]);
  }
}

/** The first index of a sorted list whose value is not below. */
function firstNotBelow(sorted, value) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
