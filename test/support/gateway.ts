import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { createGateway, type CreateGatewayOptions } from '#gateway/create-gateway';
import { gatewaySettings, type GatewaySettings } from '#gateway/settings';
import { InProcessBus } from '#runtime/in-process-bus';
import { InProcessClient } from '#runtime/in-process-client';

export const SIGN_IN_TOKEN = 'correct-horse-battery-staple';

export function testSettings(overrides: Partial<Record<keyof GatewaySettings, string>> = {}): GatewaySettings {
  return gatewaySettings.parse({ SIGN_IN: 'development', SIGN_IN_TOKEN, HTTP_PORT: '0', ...overrides });
}

/** By default over a bus of its own, where nobody answers, as when every service is down. */
export async function startGateway(options: Partial<CreateGatewayOptions> = {}): Promise<NestFastifyApplication> {
  const client = new InProcessClient(new InProcessBus());
  const app = await createGateway({ settings: testSettings(), client, logger: false, ...options });
  await app.listen(0, '127.0.0.1');
  return app;
}

export function basic(user: string, password = SIGN_IN_TOKEN): string {
  return `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;
}
