import { streamOf, typeOf } from './stored-event.ts';

/** Says whether a reader wants a stored event. */
export type EventFilter = (stored: Buffer) => boolean;

/** One of the two forms that a client may send: a regular expression (searched for, not anchored) or prefixes. */
export interface FilterExpression {
  readonly on: 'stream' | 'type';
  readonly regex: string;
  readonly prefixes: readonly string[];
}

/** @throws {SyntaxError} the expression is none */
export function eventFilter({ on, regex, prefixes }: FilterExpression): EventFilter {
  const subject = on === 'stream' ? streamOf : typeOf;
  if (regex !== '') {
    const expression = new RegExp(regex);
    return (stored) => expression.test(subject(stored));
  }
  return (stored) => {
    const text = subject(stored);
    return prefixes.some((prefix) => text.startsWith(prefix));
  };
}
