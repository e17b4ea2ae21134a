import { z } from 'zod';
import { DEFAULT_KEY_PREFIX, KEY_PREFIX } from '#credentials/key-value';
import { isLoopbackHost } from '#runtime/loopback';
import { host, port } from '#runtime/settings';

/** What the gateway reads from its environment (docs/settings.md), for every process that holds one. */
export const gatewayFields = {
  HTTP_HOST: host.default('127.0.0.1'),
  /** 0: any free port. */
  HTTP_PORT: port.default(8080),
  /** No default: what is unset and matters for security is closed. */
  SIGN_IN: z
    .enum(['development', 'proxy', 'oidc'], 'must be development')
    .refine((mode) => mode === 'development', 'must be development: proxy and oidc are not available in this version'),
  /** The password of HTTP Basic in development. */
  SIGN_IN_TOKEN: z.string('must be a text').min(16, 'must be at least 16 characters'),
  KEY_PREFIX: z
    .string()
    .regex(KEY_PREFIX, 'must be 1 to 16 letters and digits, a letter first')
    // Imported values begin with it and lack our checksum: all of them would pass for typing errors of our own.
    .refine((prefix) => prefix !== 'phx', 'must not be phx, with which PostHog’s own keys begin')
    .default(DEFAULT_KEY_PREFIX),
  /** 1: legacy hashes of a single iteration count too, as PostHog's own tests use them. */
  LEGACY_TEST_ITERATIONS: z.literal('1', 'must be 1 or unset').optional(),
};

/** One token for everybody is for this machine alone. */
export function listensOnLoopback(settings: { readonly HTTP_HOST: string }): boolean {
  return isLoopbackHost(settings.HTTP_HOST);
}

/** Asked whatever else is wrong, so that a bad start names everything at once. */
export const elseRefuseHost = {
  path: ['HTTP_HOST'],
  message: 'must be a loopback address while SIGN_IN=development',
  when: ({ value }: { value: unknown }) => z.object({ HTTP_HOST: host }).safeParse(value).success,
};

export const gatewaySettings = z.object(gatewayFields).refine(listensOnLoopback, elseRefuseHost);
export type GatewaySettings = z.infer<typeof gatewaySettings>;

/** The provider's token. */
export const GATEWAY_SETTINGS = Symbol('GatewaySettings');
