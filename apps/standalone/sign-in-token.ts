import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** As the setting SIGN_IN_TOKEN demands. */
const MIN_TOKEN_LENGTH = 16;
/** Windows has no such flag. */
const NO_FOLLOW = process.platform === 'win32' ? 0 : constants.O_NOFOLLOW;
const REMEDY = 'Delete it to have a new one made';

/** The token file can't be trusted to be known to its owner alone. */
export class SignInTokenRefused extends Error {
  override readonly name = 'SignInTokenRefused';
}

export function signInTokenFile(dataDir: string): string {
  return join(dataDir, 'sign-in-token');
}

/**
 * The password of the development sign-in: 256 random bits, made at the first start and kept in `DATA_DIR/sign-in-token`
 * (mode 0600), so that being able to read that file is what lets somebody in.
 * @throws SignInTokenRefused when others could read it, have made it, or have emptied it
 */
export function readOrMakeSignInToken(dataDir: string): string {
  const file = signInTokenFile(dataDir);
  try {
    return readToken(file);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
  // Written aside and linked into place: a crash leaves no half token, and of two first starts one wins.
  const aside = `${file}.${process.pid}`;
  writeFileSync(aside, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'w' });
  chmodSync(aside, 0o600);
  try {
    linkSync(aside, file);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
  return readToken(file);
}

function readToken(file: string): string {
  const descriptor = openSync(file, constants.O_RDONLY | NO_FOLLOW);
  try {
    // Of the file that is open, not of whatever has its name a moment later.
    const { mode, uid } = fstatSync(descriptor);
    // Windows keeps no such bits; there the folder's own rights are what protects it.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new SignInTokenRefused(`The file sign-in-token can be read by others. ${REMEDY}, or set its mode to 0600.`);
    }
    if (process.getuid !== undefined && uid !== process.getuid()) {
      throw new SignInTokenRefused(`The file sign-in-token belongs to another user. ${REMEDY}.`);
    }
    const token = readFileSync(descriptor, 'utf8').trim();
    if (token.length < MIN_TOKEN_LENGTH) {
      throw new SignInTokenRefused(`The file sign-in-token holds less than ${MIN_TOKEN_LENGTH} characters. ${REMEDY}.`);
    }
    return token;
  } finally {
    closeSync(descriptor);
  }
}

function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
