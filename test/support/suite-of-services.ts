import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from '@jest/globals';
import { type ApiKey, type KeysApi } from './keys-api.ts';
import { Services, type ServicesOptions } from './services.ts';

export const KEYS = '/api/personal_api_keys';
/** What a usual key is asked for with. */
export const CI = { label: 'CI', scopes: ['insight:read', 'feature_flag:write'] };

/** Every service, from before the first test of the suite that asks for it until after its last. */
export class SuiteOfServices {
  #services: Services | undefined;

  constructor(options: ServicesOptions = {}) {
    beforeAll(async () => {
      this.#services = await Services.start(options);
    });
    afterAll(() => this.#services?.close());
  }

  get services(): Services {
    if (this.#services === undefined) throw new Error('The services run only while tests do');
    return this.#services;
  }

  /** One whom no other test knows. */
  aUser(): KeysApi {
    return this.services.as(`user-${randomUUID()}`);
  }
}

/** A key as it is shown ever after it was made. */
export function shown(key: ApiKey): ApiKey {
  return { ...key, value: null };
}
