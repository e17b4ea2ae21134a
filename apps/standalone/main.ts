import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedEventStore } from '#embedded-event-store/embedded-event-store';
import { NewerStoreFormat } from '#embedded-event-store/event-log';
import { FolderInUse } from '#embedded-event-store/folder-lock';
import { runService } from '#runtime/run-service';
import { type Shutdown } from '#runtime/shutdown';
import { type StandaloneSettings, standaloneSettings } from './settings.ts';
import { readOrMakeSignInToken, SignInTokenRefused, signInTokenFile } from './sign-in-token.ts';
import { type StandaloneOptions, startServices } from './standalone.ts';
import { welcome } from './welcome.ts';

/** Everything in one process. Standard output tells people where it is; the log goes to standard error. */
void runService({
  settings: standaloneSettings,
  logTo: 2,
  foreseen: [SignInTokenRefused, FolderInUse, NewerStoreFormat],
  start: async (settings, { logger, shutdown }) => {
    const dataDir = resolve(settings.DATA_DIR);
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const token = settings.SIGN_IN_TOKEN ?? readOrMakeSignInToken(dataDir);
    const log = await eventLog(dataDir, settings, shutdown);
    const services = await startServices({ settings: { ...settings, SIGN_IN_TOKEN: token }, ...log, logger, shutdown });
    while (!(await services.followsLog()) && !shutdown.isStopping) await delay(5);
    if (shutdown.isStopping) return;
    const tokenFile = settings.SIGN_IN_TOKEN === undefined ? signInTokenFile(dataDir) : undefined;
    process.stdout.write(welcome({ url: services.url, dataDir, tokenFile }));
  },
});

/** The one that is named, or else the embedded one, whose life is this process's. */
async function eventLog(
  dataDir: string,
  { EVENTSTORE_URL, EVENTSTORE_PORT }: StandaloneSettings,
  shutdown: Shutdown,
): Promise<Pick<StandaloneOptions, 'eventStoreUrl' | 'live'>> {
  if (EVENTSTORE_URL !== undefined) return { eventStoreUrl: EVENTSTORE_URL, live: [] };
  const store = await EmbeddedEventStore.open({ dataDir, port: EVENTSTORE_PORT });
  shutdown.add('event store', () => store.close());
  return { eventStoreUrl: store.url, live: [{ name: 'event store', isUp: () => store.isWritable }] };
}
