/**
 * What can happen to a user's keys, as it is stored in the stream `userKeys-<userId>`; docs/events.md has an example of
 * each. A type string never changes. Every event names its user and every hash that it touches, so that the lookup can
 * be built from the events alone, in any batch size and without reading anything back.
 *
 * `at` is ISO 8601 in UTC: the time of the command; for an imported key, the time it was first created.
 */
export type KeyEvent<Type extends KeyEventType = KeyEventType> = {
  [Each in Type]: { readonly type: Each; readonly data: KeyEventData[Each] };
}[Type];

export type KeyEventType = keyof KeyEventData;

export interface KeyEventData {
  KeyCreated: {
    readonly userId: string;
    readonly keyId: string;
    readonly label: string;
    readonly description: string | null;
    readonly scopes: readonly string[];
    /** Legacy formats come in by import only. */
    readonly hash: string;
    /** Null on imported keys whose mask was never kept. */
    readonly mask: string | null;
    readonly at: string;
  };
  KeyRolled: {
    readonly userId: string;
    readonly keyId: string;
    readonly oldHash: string;
    readonly newHash: string;
    readonly mask: string;
    /** Unchanged by the roll: what the entry of the new hash holds. */
    readonly scopes: readonly string[];
    readonly at: string;
  };
  ScopesChanged: {
    readonly userId: string;
    readonly keyId: string;
    readonly hash: string;
    /** All of them, not the difference. */
    readonly scopes: readonly string[];
    readonly at: string;
  };
  /** Touches no hash: labels and descriptions are for people. Both are given, changed or not. */
  KeyRelabelled: {
    readonly userId: string;
    readonly keyId: string;
    readonly label: string;
    readonly description: string | null;
    readonly at: string;
  };
  KeyDeleted: {
    readonly userId: string;
    readonly keyId: string;
    readonly hash: string;
    readonly at: string;
  };
  /** In one append with a KeyDeleted for each key that was left, and the last thing that happens to a user. */
  UserDeleted: {
    readonly userId: string;
    readonly at: string;
  };
}

/** An event with what its metadata remember of the command behind it, and its place in the log. */
export interface StoredKeyEvent {
  readonly event: KeyEvent;
  readonly commandId?: string;
  /** Of the command's name and payload; made by whoever appends. */
  readonly digest?: string;
  readonly position: bigint;
}
