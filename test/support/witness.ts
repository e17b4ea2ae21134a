import { expect } from '@jest/globals';
import { type Answer, type ApiKey, type KeysApi } from '#testing/keys-api';
import { type Random } from '#testing/random';

interface KnownKey {
  readonly id: string;
  readonly label: string;
  readonly scopes: readonly string[];
  readonly mask: string | null;
  /** Unknown where the answer that held it never came. */
  readonly value: string | undefined;
}
type Keys = readonly KnownKey[];

const SCOPES = ['insight:read', 'insight:write', 'feature_flag:read', 'feature_flag:write', 'query:read'];

/**
 * One person at work, who notes what was acknowledged: a naive model of the service. What was sent and never answered
 * may have happened, wholly, or not at all; after a crash the service must show one of the two.
 */
export class Witness {
  #keys: Keys = [];
  #hasLeft = false;
  /** What the keys are if the unanswered command happened, given what is listed (for ids and masks made by the service). */
  #ifHappened: ((listed: Keys) => Keys) | undefined;
  readonly #issued = new Set<string>();
  #labels = 0;

  /**
   * @param unanswered an answer that is none: where services die behind a gateway that lives, its 503 says no more than a
   *   lost connection does
   */
  constructor(
    readonly userId: string,
    private readonly random: Random,
    private readonly unanswered: (status: number) => boolean = () => false,
  ) {}

  /** Sends one command. Throws only when the answer is not what was due. @returns false: it was never answered */
  async act(api: KeysApi): Promise<boolean> {
    if (this.#keys.length === 0 || this.random.below(3) === 0) return this.#create(api);
    if (this.random.below(40) === 0) return this.#leave(api);
    const key = this.random.pick(this.#keys);
    const others = this.#keys.filter(({ id }) => id !== key.id);
    return this.random.pick([
      () => this.#change(api, key, others),
      () => this.#roll(api, key, others),
      () => this.#delete(api, key, others),
    ])();
  }

  /** Compares what the service shows now with what is known, and goes on from there. Every value is tried. */
  async reconcile(api: KeysApi): Promise<void> {
    const listed = (await api.list()).body.map(fromApi);
    const possible = [this.#keys, ...(this.#ifHappened === undefined ? [] : [this.#ifHappened(listed)])];
    expect(possible.map(shown)).toContainEqual(shown(listed));
    this.#keys = possible.find((keys) => String(shown(keys)) === String(shown(listed))) ?? [];
    this.#ifHappened = undefined;
    for (const value of this.#issued) {
      const scopes = this.#keys.find((key) => key.value === value)?.scopes;
      const { status } = await api.verify(value, { scopes: scopes?.join(',') ?? '' });
      expect({ value: value.slice(-4), status }).toEqual({ value: value.slice(-4), status: scopes ? 200 : 401 });
    }
  }

  #create(api: KeysApi): Promise<boolean> {
    const label = this.#newLabel();
    const scopes = this.#someScopes();
    const isAllowed = !this.#hasLeft && this.#keys.length < 10;
    return this.#send(
      () => api.create({ label, scopes }),
      ({ status, body }) => {
        if (!isAllowed) expect(status).toBe(this.#hasLeft ? 403 : 400);
        else expect(status).toBe(201);
        return isAllowed ? [...this.#keys, this.#issue(fromApi(body))] : this.#keys;
      },
      (listed) => {
        const created = listed.find((key) => key.label === label);
        return created === undefined ? this.#keys : [...this.#keys, { ...created, scopes }];
      },
    );
  }

  #change(api: KeysApi, key: KnownKey, others: Keys): Promise<boolean> {
    const changed = { ...key, label: this.#newLabel(), scopes: this.#someScopes() };
    return this.#send(
      () => api.change(key.id, { label: changed.label, scopes: changed.scopes }),
      ({ status }) => {
        expect(status).toBe(200);
        return [...others, changed];
      },
      () => [...others, changed],
    );
  }

  #roll(api: KeysApi, key: KnownKey, others: Keys): Promise<boolean> {
    return this.#send(
      () => api.roll(key.id),
      ({ status, body }) => {
        expect(status).toBe(200);
        return [...others, this.#issue(fromApi(body))];
      },
      (listed) => {
        const mask = listed.find(({ id }) => id === key.id)?.mask ?? null;
        return mask === key.mask ? this.#keys : [...others, { ...key, mask, value: undefined }];
      },
    );
  }

  #delete(api: KeysApi, key: KnownKey, others: Keys): Promise<boolean> {
    return this.#send(
      () => api.delete(key.id),
      ({ status }) => {
        expect(status).toBe(204);
        return others;
      },
      () => others,
    );
  }

  #leave(api: KeysApi): Promise<boolean> {
    return this.#send(
      () => api.deleteUser(),
      ({ status }) => {
        expect(status).toBe(204);
        this.#hasLeft = true;
        return [];
      },
      (listed) => {
        this.#hasLeft = listed.length === 0;
        return [];
      },
    );
  }

  async #send<Body>(
    command: () => Promise<Answer<Body>>,
    acknowledged: (answer: Answer<Body>) => Keys,
    ifHappened: (listed: Keys) => Keys,
  ): Promise<boolean> {
    let answer: Answer<Body>;
    try {
      answer = await command();
    } catch {
      this.#ifHappened = ifHappened;
      return false;
    }
    if (this.unanswered(answer.status)) {
      this.#ifHappened = ifHappened;
      return false;
    }
    this.#keys = acknowledged(answer);
    return true;
  }

  #issue(key: KnownKey): KnownKey {
    if (key.value !== undefined) this.#issued.add(key.value);
    return key;
  }

  #newLabel(): string {
    return `${this.userId} ${this.#labels++}`;
  }

  #someScopes(): readonly string[] {
    const from = this.random.below(SCOPES.length);
    return SCOPES.slice(from, from + 1 + this.random.below(SCOPES.length - from));
  }
}

function fromApi({ id, label, scopes, mask_value, value }: ApiKey): KnownKey {
  return { id, label, scopes, mask: mask_value, value: value ?? undefined };
}

/** All that a listing shows, whatever its order. */
function shown(keys: Keys): string[] {
  return keys.map(({ id, label, scopes, mask }) => JSON.stringify({ id, label, scopes, mask })).sort();
}
