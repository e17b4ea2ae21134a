import { relative } from 'node:path';

/** What a newcomer needs: where it listens, where the data lie, and a first example to paste. */
export function welcome(started: { url: string; dataDir: string; tokenFile: string | undefined }): string {
  const { url, dataDir, tokenFile } = started;
  const password = tokenFile === undefined ? '$SIGN_IN_TOKEN' : `$(cat ${quoted(shorter(tokenFile))})`;
  return `
Latchkey listens on ${url}
  data    ${dataDir}
  sign-in any user name; the password is ${tokenFile === undefined ? 'SIGN_IN_TOKEN' : `in ${tokenFile}`}

Create a key:
  curl -u "me:${password}" ${url}/api/personal_api_keys/ \\
    -H 'Content-Type: application/json' -d '{"label": "First", "scopes": ["insight:read"]}'

Ask whether it is good (put its value in the place of KEY):
  curl -i -H 'Authorization: Bearer KEY' '${url}/verify?scopes=insight:read'

`;
}

function shorter(file: string): string {
  const fromHere = relative('', file);
  return fromHere.startsWith('..') ? file : fromHere;
}

/** For a shell, where it would take the path apart. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
