import { type FileHandle, open } from 'node:fs/promises';
import { type Readable } from 'node:stream';
import { Command, Option } from 'commander';
import { EventStore } from '#event-store/event-store';
import { loadSettings } from '#runtime/settings';
import { type ImportEnd, importKeys } from './import-keys.ts';
import { jsonReporter, textReporter } from './import-report.ts';
import { eventLogOf, opsSettings } from './settings.ts';

interface Flags {
  readonly iterations?: string;
  readonly json?: true;
}

/** `latchkey import FILE`; docs/import.md says what it takes and how it ends. */
export function importCommand(): Command {
  return new Command('import')
    .summary('take over PostHog’s personal API keys')
    .description(
      'Takes over PostHog’s personal API keys, by their hashes, into the event store. May be run again at any time.',
    )
    .argument('<file>', 'JSON lines, one row of PostHog’s each; -: standard input')
    .addOption(
      new Option('--iterations <count>', 'also take hashes of this many iterations, as test data have').choices(['1']),
    )
    .option('--json', 'one JSON object per line on standard output')
    .addHelpText(
      'after',
      '\nEnds with 0: every row is in; 1: some were refused; 2: it could not run, or not to the end.',
    )
    .action(async (file: string, flags: Flags) => {
      process.exitCode = await runImport(file, flags);
    });
}

async function runImport(file: string, { iterations, json }: Flags): Promise<number> {
  const settings = loadSettings(opsSettings, process.env);
  const log = eventLogOf(settings);
  const source = await openSource(file);
  const reporter = json ? jsonReporter(process) : textReporter(process, source.sizeBytes);
  const interruption = interruptedBy('SIGINT', 'SIGTERM');
  const store = EventStore.connect(log.url);
  try {
    const end = await importKeys(source.stream, store, {
      rules: { allowTestIterations: iterations === '1' },
      scopes: settings.SCOPES_FILE,
      report: reporter,
      signal: interruption.signal,
    });
    reporter.end(end);
    if (end.end === 'unavailable') {
      process.stderr.write(`Lost ${log.name}: ${end.fault} What is counted is in; run it again to go on.\n`);
    }
    return exitCodeOf(end, interruption.exitCode());
  } finally {
    interruption.done();
    source.stream.destroy();
    await store.close();
  }
}

function exitCodeOf({ end, sums }: ImportEnd, interrupted: number): number {
  if (end === 'unavailable') return 2;
  if (end === 'interrupted') return interrupted;
  return sums.refused > 0 ? 1 : 0;
}

/** Opened before anything else happens, so that a name that is wrong changes nothing. */
async function openSource(file: string): Promise<{ stream: Readable; sizeBytes: number | undefined }> {
  if (file === '-') return { stream: process.stdin, sizeBytes: undefined };
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    const stat = await handle.stat();
    if (stat.isDirectory()) throw Object.assign(new Error('is a folder'), { code: 'EISDIR' });
    return { stream: handle.createReadStream(), sizeBytes: stat.isFile() ? stat.size : undefined };
  } catch (error) {
    await handle?.close();
    throw error;
  }
}

/** The first signal lets what is under way end; a second one, whichever, ends the process. */
function interruptedBy(...signals: ('SIGINT' | 'SIGTERM')[]) {
  const controller = new AbortController();
  let code = 0;
  const interrupt = (_: string, number: number) => {
    code = 128 + number;
    done();
    controller.abort();
  };
  const done = () => signals.forEach((signal) => process.off(signal, interrupt));
  signals.forEach((signal) => process.on(signal, interrupt));
  return { signal: controller.signal, exitCode: () => code, done };
}
