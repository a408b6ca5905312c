// What is shown: lanes, kinds, fates, a chain of causes, a search.

class Selection {
  constructor(model) {
    this.model = model;
    this.events = model.events;
    this.lanesOff = new Set();
    this.categoriesOff = new Set();
    this.fatesOff = new Set();
    /** The chain that is told and emphasised: `{ start, marks, context }`. */
    this.chain = null;
    /** What nothing else is shown of, or null. */
    this.only = null;
    this.chosen = -1;
    this.matches = null;
    this.findCategories();
  }

  /** A category is a kind, and for messages what they are: a request, its answer and all that befalls them are one. */
  findCategories() {
    const { model, events } = this;
    this.categories = [];
    const numbers = new Map();
    const numberOf = (name, isMessage) => {
      if (!numbers.has(name)) {
        numbers.set(name, this.categories.length);
        this.categories.push({ name, isMessage, count: 0 });
      }
      return numbers.get(name);
    };
    this.categoryOf = new Uint8Array(events.size);
    this.messageCategory = model.messages.map(({ what }) => {
      const base = /^(\d+|[A-Z]+)$/.test(what) ? "of clients" : what.replace(/^answers? to /, "") || "other";
      return numberOf(`message: ${base}`, true);
    });
    const ofKind = model.kinds.map(() => -1);
    for (let e = 0; e < events.size; e++) {
      const message = model.messageOf[e];
      const kind = model.kindOf[e];
      if (message < 0 && ofKind[kind] < 0) ofKind[kind] = numberOf(model.kinds[kind].name, false);
      const category = message >= 0 ? this.messageCategory[message] : ofKind[kind];
      this.categoryOf[e] = category;
      this.categories[category].count++;
    }
  }

  showsEvent(e) {
    const { model } = this;
    if (this.lanesOff.size && this.lanesOff.has(model.laneOf[e])) return false;
    if (this.categoriesOff.size && this.categoriesOff.has(this.categoryOf[e])) return false;
    if (this.only && !this.only.marks[e]) return false;
    const message = model.messageOf[e];
    return !(message >= 0 && this.fatesOff.size && this.fatesOff.has(model.messages[message].fate));
  }

  showsMessage(at) {
    const message = this.model.messages[at];
    if (this.lanesOff.size && (this.lanesOff.has(message.from) || this.lanesOff.has(message.to))) return false;
    if (this.fatesOff.size && this.fatesOff.has(message.fate)) return false;
    if (this.categoriesOff.size && this.categoriesOff.has(this.messageCategory[at])) return false;
    return !this.only || Selection.holds(this.only, message);
  }

  /** Whether a message is part of a chain: it arrived in it, or was sent in it and did not arrive. */
  static holds({ marks }, message) {
    if (message.receive >= 0) return marks[message.receive] === 1 || (message.again && marks[message.again.e] === 1);
    return (message.end >= 0 && marks[message.end] === 1) || (message.send >= 0 && marks[message.send] === 1);
  }

  isEmphasised(message) {
    return this.chain !== null && Selection.holds(this.chain, message);
  }

  /** How many events and messages are shown now. */
  counts() {
    const { events, model } = this;
    let shown = 0;
    for (let e = 0; e < events.size; e++) if (this.showsEvent(e)) shown++;
    let messages = 0;
    for (let at = 0; at < model.messages.length; at++) if (this.showsMessage(at)) messages++;
    return { events: shown, messages };
  }

  /**
   * Events in which every word of the query is found: in the kind or any member; `name=value` in that member;
   * `#12` is event 12.
   */
  search(query) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) {
      this.matches = null;
      return;
    }
    const tests = words.map((word) => this.test(word));
    this.matches = [];
    for (let e = 0; e < this.events.size; e++) if (tests.every((test) => test(e))) this.matches.push(e);
  }

  test(word) {
    const { events } = this;
    if (/^#\d+$/.test(word)) return (e) => e === Number(word.slice(1));
    const [, member, wanted] = word.match(/^([a-z]+)=(.*)$/) || [];
    if (member) {
      const name = events.shapes.flatMap((shape) => shape.members).find((name) => name.toLowerCase() === member) || member;
      return (e) => String(name === "kind" ? events.kind(e) : JSON.stringify(events.get(e, name)) ?? "")
        .replaceAll('"', "").toLowerCase() === wanted;
    }
    // Texts are few and events many: first the texts, then whether an event names one of them.
    const texts = new Set(events.texts.filter((text) => text.toLowerCase().includes(word)));
    const shapes = events.shapes.map(({ kind, columns }) => ({
      found: kind.includes(word),
      columns: [...columns].filter(([name, column]) => name !== "cause" && typeof column[0] !== "number").map(([, column]) => column),
      node: columns.get("node"),
      client: columns.get("client"),
    }));
    return (e) => {
      const shape = shapes[events.shapeOf[e]];
      const row = events.rowOf[e];
      if (shape.found || (shape.node && "n" + shape.node[row] === word) || (shape.client && "c" + shape.client[row] === word)) return true;
      return shape.columns.some((column) => {
        const value = column[row];
        return typeof value === "string" ? texts.has(value) : JSON.stringify(value).toLowerCase().includes(word);
      });
    };
  }
}
