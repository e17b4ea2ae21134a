import { areScopes, isHash, isId, isText, isTextOrNull, isTime } from './event-fields.ts';
import { type KeyEvent, type KeyEventData, type KeyEventType } from './events.ts';

/**
 * Reads a stored event: lifts old versions to the present shape, then checks every field. Never throws: whoever reads
 * skips and counts what is `unknown`, so that nothing written by others can stop a fold or a projection.
 *
 * `reason`: `type` (not one of ours), `version` (of the metadata: missing, or newer than this code), `data` (malformed).
 */
export function parseKeyEvent(
  type: string,
  data: unknown,
  metadata: unknown,
  upcasters: Upcasters = UPCASTERS,
): ParsedKeyEvent {
  if (!isKeyEventType(type)) return { outcome: 'unknown', reason: 'type' };
  const lifts = upcasters[type] ?? [];
  const version = own(metadata, 'schemaVersion');
  if (!isVersion(version) || version > lifts.length + 1) return { outcome: 'unknown', reason: 'version' };
  const current = upcast(data, lifts.slice(version - 1));
  const event = current === undefined ? undefined : toKeyEvent(type, current);
  if (event === undefined) return { outcome: 'unknown', reason: 'data' };
  return { outcome: 'event', event, ...commandIn(metadata) };
}

export type ParsedKeyEvent =
  | { readonly outcome: 'event'; readonly event: KeyEvent; readonly commandId?: string; readonly digest?: string }
  | { readonly outcome: 'unknown'; readonly reason: 'type' | 'version' | 'data' };

/** What the metadata of an event of ours hold, beside EventStoreDB's own `$causationId` and `$correlationId`. */
export interface KeyEventMetadata {
  readonly schemaVersion: number;
  readonly commandId: string;
  readonly digest: string;
}

export function keyEventMetadata(type: KeyEventType, command: { commandId: string; digest: string }): KeyEventMetadata {
  const { commandId, digest } = command;
  return { schemaVersion: (UPCASTERS[type]?.length ?? 0) + 1, commandId, digest };
}

/**
 * Per type, how an event's data go from version n to n + 1, in order from version 1: the present version of a type is
 * one more than its lifts. A shape changes only together with a new lift here; what is stored is never rewritten.
 */
export type Upcasters = Readonly<Partial<Record<KeyEventType, readonly Lift[]>>>;
export type Lift = (data: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;

/** Every type is at version 1. */
const UPCASTERS: Upcasters = {};

function upcast(data: unknown, lifts: readonly Lift[]): Readonly<Record<string, unknown>> | undefined {
  if (!isObject(data)) return undefined;
  try {
    return lifts.reduce((lifted, lift) => lift(lifted), data);
  } catch {
    return undefined;
  }
}

type Check<Field> = (value: unknown) => value is Field;
type Checks<Data> = { readonly [Name in keyof Data]-?: Check<Data[Name]> };

const CHECKS: { readonly [Type in KeyEventType]: Checks<KeyEventData[Type]> } = {
  KeyCreated: {
    userId: isId,
    keyId: isId,
    label: isText,
    description: isTextOrNull,
    scopes: areScopes,
    hash: isHash,
    mask: isTextOrNull,
    at: isTime,
  },
  KeyRolled: {
    userId: isId,
    keyId: isId,
    oldHash: isHash,
    newHash: isHash,
    mask: isText,
    scopes: areScopes,
    at: isTime,
  },
  ScopesChanged: { userId: isId, keyId: isId, hash: isHash, scopes: areScopes, at: isTime },
  KeyRelabelled: { userId: isId, keyId: isId, label: isText, description: isTextOrNull, at: isTime },
  KeyDeleted: { userId: isId, keyId: isId, hash: isHash, at: isTime },
  UserDeleted: { userId: isId, at: isTime },
};

export const KEY_EVENT_TYPES = Object.keys(CHECKS) as readonly KeyEventType[];

/** Made once: a replay comes here for every event of the log. */
const FIELDS = new Map<string, readonly (readonly [name: string, check: Check<unknown>])[]>(
  Object.entries(CHECKS).map(([type, checks]) => [type, Object.entries(checks)]),
);

/** Takes the known fields only, and only own ones: what else was stored, `__proto__` included, goes no further. */
function toKeyEvent(type: KeyEventType, stored: Readonly<Record<string, unknown>>): KeyEvent | undefined {
  const data: Record<string, unknown> = {};
  for (const [name, check] of FIELDS.get(type) ?? []) {
    const value = Object.hasOwn(stored, name) ? stored[name] : undefined;
    if (!check(value)) return undefined;
    data[name] = value;
  }
  return { type, data } as unknown as KeyEvent;
}

function commandIn(metadata: unknown): { commandId?: string; digest?: string } {
  const commandId = own(metadata, 'commandId');
  const digest = own(metadata, 'digest');
  return isText(commandId) && isText(digest) ? { commandId, digest } : {};
}

function isKeyEventType(type: string): type is KeyEventType {
  return Object.hasOwn(CHECKS, type);
}

function isVersion(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
