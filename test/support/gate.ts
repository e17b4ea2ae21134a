import { EventEmitter, once } from 'node:events';

/** Lets a handler wait for its test. */
export interface Gate {
  readonly promise: Promise<void>;
  readonly open: () => void;
}

export function aGate(): Gate {
  const opened = new EventEmitter<{ open: [] }>();
  const promise = once(opened, 'open').then(() => undefined);
  return { promise, open: () => opened.emit('open') };
}
