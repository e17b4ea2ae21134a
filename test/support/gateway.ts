import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { createGateway } from '#gateway/create-gateway';
import { gatewaySettings, type GatewaySettings } from '#gateway/settings';
import { InProcessBus } from '#runtime/in-process-bus';
import { InProcessClient } from '#runtime/in-process-client';

export const SIGN_IN_TOKEN = 'correct-horse-battery-staple';

export function testSettings(overrides: Partial<Record<keyof GatewaySettings, string>> = {}): GatewaySettings {
  return gatewaySettings.parse({ SIGN_IN: 'development', SIGN_IN_TOKEN, HTTP_PORT: '0', ...overrides });
}

/** The gateway over a bus; on a bus of its own nobody answers, as when every service is down. */
export async function startGateway(
  bus = new InProcessBus(),
  settings = testSettings(),
): Promise<NestFastifyApplication> {
  const app = await createGateway({ settings, client: new InProcessClient(bus), logger: false });
  await app.listen(0, '127.0.0.1');
  return app;
}

export function basic(user: string, password = SIGN_IN_TOKEN): string {
  return `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;
}
