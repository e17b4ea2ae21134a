import { isatty } from 'node:tty';
import { inspect } from 'node:util';
import { type LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger, destination, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { redact } from './redact.ts';
import { type LogLevel } from './settings.ts';

export interface LogOptions {
  readonly level: LogLevel;
  /** 1, standard output, by default; 2 is standard error. */
  readonly fd?: 1 | 2;
  /** For people: by default where `fd` is a terminal; JSON lines otherwise. */
  readonly pretty?: boolean;
  /** In the place of `fd`. */
  readonly to?: DestinationStream;
}

/**
 * The process's one log. Lines are written before the call returns, so a crash loses none; that costs a few microseconds
 * each. `value`, `authorization` and the like are cut out of a line's fields (see redact.ts); not out of a message's text,
 * nor out of what `child` binds, which pino writes out before any hook of ours.
 */
export function createLogger({ level, fd = 1, pretty = isatty(fd), to }: LogOptions): Logger {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }), log: redact },
    // Errors are taken apart by redact, before pino's own serializer would see them.
    serializers: { err: (error: unknown) => error },
  };
  const out = to ?? destination({ fd, sync: true });
  return pino(options, pretty ? forPeople(out, { colorize: to === undefined && isatty(fd) }) : out);
}

/** Without pino-pretty's stream, which would still hold lines when the process ends. */
function forPeople(out: DestinationStream, { colorize }: { readonly colorize: boolean }): DestinationStream {
  const format = prettyFactory({
    colorize,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'context',
    messageFormat: '{if context}{context}: {end}{msg}',
  });
  return { write: (line) => out.write(format(line)) };
}

/** Contexts under which Nest tells its own start in dozens of lines. */
const START_UP = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'NestMicroservice',
  'RouterExplorer',
  'RoutesResolver',
]);

/** Lets Nest's lines, and those of every `new Logger('Name')`, go where ours go. */
export class NestLogger implements LoggerService {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.#write(START_UP.has(String(rest.at(-1))) ? 'debug' : 'info', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#write('warn', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.#write('error', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.#write('fatal', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#write('trace', message, rest);
  }

  /** Nest's convention: (message, [stack or details…], context), where the message may be the error itself. */
  #write(level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace', message: unknown, rest: unknown[]): void {
    if (!this.#logger.isLevelEnabled(level)) return;
    const context = typeof rest.at(-1) === 'string' && !isStack(rest.at(-1)) ? rest.at(-1) : undefined;
    const details = rest.slice(0, context === undefined ? rest.length : -1).filter((detail) => detail !== undefined);
    const err = [message, ...details].find((one) => one instanceof Error);
    const stack = details.find(isStack);
    const fields = typeof message === 'object' && message !== err ? message : undefined;
    const others = details.filter((detail) => detail !== err && detail !== stack);
    this.#logger[level](
      { ...fields, context, err, stack, ...(others.length === 0 ? {} : { details: others }) },
      ...(typeof message === 'object' ? [err?.message] : [typeof message === 'string' ? message : inspect(message)]),
    );
  }
}

function isStack(detail: unknown): boolean {
  return typeof detail === 'string' && /\n\s+at /.test(detail);
}
