import 'reflect-metadata';
import { Logger as NestLog, type LoggerService } from '@nestjs/common';
import { type Logger } from 'pino';
import { type z } from 'zod';
import { createLogger, NestLogger } from './logging.ts';
import { type LogLevel, loadSettings, SettingsError } from './settings.ts';
import { Shutdown } from './shutdown.ts';

/** What every process has. */
export interface Runtime {
  readonly logger: Logger;
  /** The same log, for Nest. `abortOnError` is off: what can't start is told in one place. */
  readonly nest: { readonly logger: LoggerService; readonly abortOnError: false };
  readonly shutdown: Shutdown;
}

export interface ServiceDefinition<S extends z.ZodObject> {
  /** What is read of the environment, LOG_LEVEL among it. */
  readonly settings: S;
  /** Where the log goes: 1, standard output, by default; 2 is standard error. */
  readonly logTo?: 1 | 2;
  /** Errors of the start that an operator can mend, told in a line; others are told with their stack. */
  readonly foreseen?: readonly (abstract new (...args: never[]) => Error)[];
  readonly start: (settings: Readonly<z.output<S>>, runtime: Runtime) => Promise<void>;
}

/** The life of a process: settings, log, the start, and the end in order. Whatever keeps it from starting ends it with 1. */
export async function runService<S extends z.ZodObject<{ LOG_LEVEL: z.ZodType<LogLevel> }>>(
  definition: ServiceDefinition<S>,
): Promise<void> {
  let shutdown: Shutdown | undefined;
  try {
    const settings = loadSettings(definition.settings, process.env);
    const logger = createLogger({ level: (settings as { LOG_LEVEL: LogLevel }).LOG_LEVEL, fd: definition.logTo ?? 1 });
    const nest = { logger: new NestLogger(logger), abortOnError: false } as const;
    // For what speaks before an application is made.
    NestLog.overrideLogger(nest.logger);
    shutdown = new Shutdown(logger);
    await definition.start(settings, { logger, nest, shutdown });
  } catch (error) {
    // What was called off by the end that has begun is no reason to cut that short.
    if (shutdown?.isStopping === true) return;
    process.stderr.write(`${toOperator(error, definition.foreseen ?? [])}\n`);
    process.exit(1);
  }
}

/** What an operator can mend is said in a line; a stack is for what nobody foresaw. */
function toOperator(error: unknown, foreseen: NonNullable<ServiceDefinition<z.ZodObject>['foreseen']>): string {
  if (!(error instanceof Error)) return String(error);
  const isForeseen = [SettingsError, ...foreseen].some((type) => error instanceof type) || 'code' in error;
  return isForeseen ? error.message : String(error.stack);
}
