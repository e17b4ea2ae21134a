/** What the HTTP API answered. */
export interface Answer<Body> {
  readonly status: number;
  readonly body: Body;
  readonly headers: Headers;
  readonly position: string | undefined;
}

/** A key as the HTTP API shows it. */
export interface ApiKey {
  readonly id: string;
  readonly label: string;
  readonly description: string | null;
  readonly value: string | null;
  readonly mask_value: string | null;
  readonly scopes: readonly string[];
  readonly created_at: string;
  readonly last_rolled_at: string | null;
  readonly last_used_at: string | null;
  readonly user_id: string;
  readonly is_legacy_hashing: boolean;
  readonly scoped_teams: readonly number[];
  readonly scoped_organizations: readonly string[];
}

export interface ApiError {
  readonly type: string;
  readonly code: string;
  readonly detail: string;
  readonly attr: string | null;
}

/** The HTTP API as one signed-in person uses it. Rejects only when there was no answer. */
export class KeysApi {
  constructor(
    readonly url: string,
    readonly userId: string,
    private readonly token: string,
  ) {}

  create(body: unknown): Promise<Answer<ApiKey & ApiError>> {
    return this.send('POST', '/api/personal_api_keys/', body);
  }

  list(): Promise<Answer<readonly ApiKey[]>> {
    return this.send('GET', '/api/personal_api_keys/');
  }

  get(id: string): Promise<Answer<ApiKey & ApiError>> {
    return this.send('GET', `/api/personal_api_keys/${id}/`);
  }

  change(id: string, body: unknown): Promise<Answer<ApiKey & ApiError>> {
    return this.send('PATCH', `/api/personal_api_keys/${id}/`, body);
  }

  roll(id: string): Promise<Answer<ApiKey & ApiError>> {
    return this.send('POST', `/api/personal_api_keys/${id}/roll/`);
  }

  delete(id: string): Promise<Answer<ApiError | undefined>> {
    return this.send('DELETE', `/api/personal_api_keys/${id}/`);
  }

  deleteUser(): Promise<Answer<ApiError | undefined>> {
    return this.send('DELETE', '/api/users/@me/');
  }

  /** As a reverse proxy asks: with the key's value as the credential. */
  verify(value: string, query: { scopes?: string; minPosition?: string } = {}): Promise<Answer<ApiError>> {
    const search = new URLSearchParams(query).toString();
    return this.send('GET', `/verify?${search}`, undefined, `Bearer ${value}`);
  }

  /** With the key's value as the credential. */
  current(value: string): Promise<Answer<ApiKey & ApiError>> {
    return this.send('GET', '/api/personal_api_keys/@current/', undefined, `Bearer ${value}`);
  }

  async send<Body>(method: string, path: string, body?: unknown, authorization?: string): Promise<Answer<Body>> {
    const basic = `Basic ${Buffer.from(`${this.userId}:${this.token}`).toString('base64')}`;
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: authorization ?? basic,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      body: (text === '' ? undefined : JSON.parse(text)) as Body,
      headers: response.headers,
      position: response.headers.get('x-latchkey-position') ?? undefined,
    };
  }
}
