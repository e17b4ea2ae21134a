/**
 * Text that must not be seen. Nothing shows it by accident: logs, JSON, templates, `util.inspect`, spreading and
 * structured clones all give "[secret]" or nothing. Whoever means to use it says so: `reveal()`.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    Object.freeze(this);
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  /** Also for `+`, which would ask `valueOf` first and show an object's shape. */
  [Symbol.toPrimitive](): string {
    return REDACTED;
  }

  /** What console.log, util.inspect, util.format and assertion errors print. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return REDACTED;
  }
}

const REDACTED = '[secret]';
