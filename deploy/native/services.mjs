/** What `npm run cluster` runs beside the servers, for run-all.mjs: the topics, then each service as a process of its own. */
import { join } from 'node:path';

const bin = join(import.meta.dirname, '../../dist/bin');

export default async function servicesOf({ signInToken, freePort }) {
  const asked = process.env.HTTP_PORT || '8080';
  const port = asked === '0' ? String(await freePort()) : asked;
  const common = { LOG_LEVEL: process.env.LOG_LEVEL || 'info' };
  const service = async (name) => {
    const healthPort = String(await freePort());
    return {
      name,
      command: [process.execPath, join(bin, `${name}.js`)],
      env: { ...common, HEALTH_PORT: healthPort },
      health: `http://127.0.0.1:${healthPort}/readyz`,
      address: `http://127.0.0.1:${healthPort}/readyz (health)`,
    };
  };
  const gateway = {
    name: 'gateway',
    command: [process.execPath, join(bin, 'gateway.js')],
    env: { ...common, HTTP_PORT: port, SIGN_IN: 'development', SIGN_IN_TOKEN: signInToken },
    health: `http://127.0.0.1:${port}/readyz`,
    address: `http://127.0.0.1:${port}`,
  };
  const topics = { name: 'topics', command: [process.execPath, join(bin, 'latchkey.js'), 'topics'], once: true };
  return [topics, await service('projector'), await service('auth'), await service('command'), gateway];
}
