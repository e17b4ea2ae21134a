/** What `npm run cluster` runs beside the servers, for run-all.mjs: the topics, then each service as a process of its own. */
import { join } from 'node:path';

const dist = join(import.meta.dirname, '../../dist/apps');

export default async function servicesOf({ signInToken, freePort }) {
  const port = process.env.HTTP_PORT || '8080';
  const common = { LOG_LEVEL: process.env.LOG_LEVEL || 'info' };
  const service = async (name) => {
    const healthPort = String(await freePort());
    return {
      name,
      command: [process.execPath, join(dist, name, 'main.js')],
      env: { ...common, HEALTH_PORT: healthPort },
      health: `http://127.0.0.1:${healthPort}/readyz`,
      address: `http://127.0.0.1:${healthPort}/readyz (health)`,
    };
  };
  const gateway = {
    name: 'gateway',
    command: [process.execPath, join(dist, 'gateway/main.js')],
    env: { ...common, HTTP_PORT: port, SIGN_IN: 'development', SIGN_IN_TOKEN: signInToken },
    health: `http://127.0.0.1:${port}/readyz`,
    address: `http://127.0.0.1:${port}`,
  };
  const topics = { name: 'topics', command: [process.execPath, join(dist, 'ops/main.js'), 'topics'], once: true };
  return [topics, await service('projector'), await service('auth'), await service('command'), gateway];
}
