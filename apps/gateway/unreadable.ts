import { STATUS_CODES } from 'node:http';
import { type Socket } from 'node:net';
import { type Connections } from './connections.ts';
import { internalError, problemOfStatus } from './problem-of-error.ts';
import { STANDING_HEADERS } from './standing-headers.ts';

/** What Node's parser could not make a request of. The socket is all there is to answer on. */
export function answerUnreadable(error: Error & { code?: string }, socket: Socket, connections: Connections): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  connections.giveUp(socket, () => socket.end(refusal(statusOfParserError(error.code))));
}

function refusal(status: number): string {
  const problem = problemOfStatus(status) ?? internalError();
  const body = JSON.stringify(problem.envelope);
  const headers = { ...STANDING_HEADERS, 'content-type': 'application/json; charset=utf-8', connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const statusLine = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`;
  return [statusLine, ...lines, `content-length: ${Buffer.byteLength(body)}`, '', body].join('\r\n');
}

function statusOfParserError(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
}
