import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly statusLine: string;
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/**
 * Bytes to a port, and the first answer that comes back: for what no HTTP client would send. Rejects when the connection
 * ends without a whole answer.
 */
export async function sendRaw(url: string, ...chunks: readonly (string | Uint8Array)[]): Promise<RawAnswer> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  try {
    // Reads only once all is sent, as simple clients do: an answer that a reset overtakes is lost on them.
    for (const chunk of chunks) await new Promise((resolve) => socket.write(chunk, resolve));
    return await readAnswer(socket);
  } finally {
    socket.destroy();
  }
}

async function readAnswer(socket: Socket): Promise<RawAnswer> {
  let received = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    received = Buffer.concat([received, chunk]);
    const answer = parseAnswer(received);
    if (answer !== undefined) return answer;
  }
  throw new Error(`The connection ended after: ${received.toString('latin1') || 'nothing'}`);
}

/** Undefined while something is missing. An answer without a length ends with its headers. */
function parseAnswer(bytes: Buffer): RawAnswer | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = new Map(lines.map((line) => splitHeader(line)));
  const body = bytes.subarray(end + 4);
  if (body.byteLength < Number(headers.get('content-length') ?? 0)) return undefined;
  return { statusLine, status: Number(statusLine.split(' ')[1]), headers, body: body.toString('utf8') };
}

function splitHeader(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
