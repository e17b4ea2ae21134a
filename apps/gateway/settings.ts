import { z } from 'zod';
import { DEFAULT_KEY_PREFIX, KEY_PREFIX } from '#credentials/key-value';
import { isLoopbackHost } from '#runtime/loopback';

const port = z.coerce.number().int().min(0).max(65_535);

/**
 * What the gateway reads from its environment (docs/settings.md). What is unset and matters for security is closed:
 * without `SIGN_IN` it does not start.
 */
export const gatewaySettings = z
  .object({
    HTTP_HOST: z.string().min(1).default('127.0.0.1'),
    /** 0: any free port. */
    HTTP_PORT: port.default(8080),
    SIGN_IN: z
      .enum(['development', 'proxy', 'oidc'], 'must be development')
      .refine((mode) => mode === 'development', 'proxy and oidc are not available in this version'),
    /** The password of HTTP Basic in development. */
    SIGN_IN_TOKEN: z.string().min(16, 'must be at least 16 characters'),
    KEY_PREFIX: z
      .string()
      .regex(KEY_PREFIX, 'must be 1 to 16 letters and digits, a letter first')
      .default(DEFAULT_KEY_PREFIX),
    /** 1: legacy hashes of a single iteration count too, as PostHog's own tests use them. */
    LEGACY_TEST_ITERATIONS: z.literal('1', 'must be 1 or unset').optional(),
  })
  .superRefine((settings, context) => {
    if (!isLoopbackHost(settings.HTTP_HOST)) {
      context.addIssue({
        code: 'custom',
        path: ['HTTP_HOST'],
        message: 'must be a loopback address while SIGN_IN=development',
      });
    }
  });
export type GatewaySettings = z.infer<typeof gatewaySettings>;

/** The provider's token. */
export const GATEWAY_SETTINGS = Symbol('GatewaySettings');
