import { chmodSync, mkdtempSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readOrMakeSignInToken, signInTokenFile, SignInTokenRefused } from './sign-in-token.ts';

const aFolder = () => mkdtempSync(join(tmpdir(), 'latchkey-token-'));

describe('the sign-in token', () => {
  it('is made once, with 256 random bits, for its owner alone', () => {
    const folder = aFolder();
    const token = readOrMakeSignInToken(folder);
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    expect(statSync(signInTokenFile(folder)).mode & 0o777).toBe(0o600);
    expect(readFileSync(signInTokenFile(folder), 'utf8')).toBe(`${token}\n`);
    expect(readdirSync(folder)).toEqual(['sign-in-token']);
  });

  it('is the same at the next start, and another in another folder', () => {
    const folder = aFolder();
    expect(readOrMakeSignInToken(folder)).toBe(readOrMakeSignInToken(folder));
    expect(readOrMakeSignInToken(aFolder())).not.toBe(readOrMakeSignInToken(folder));
  });

  it('is refused when others can read it', () => {
    const folder = aFolder();
    readOrMakeSignInToken(folder);
    chmodSync(signInTokenFile(folder), 0o640);
    expect(() => readOrMakeSignInToken(folder)).toThrow(SignInTokenRefused);
  });

  it.each(['', '\n', 'x\n', 'fifteen letters'])('is refused when it is as good as none: %j', (text) => {
    const folder = aFolder();
    writeFileSync(signInTokenFile(folder), text, { mode: 0o600 });
    expect(() => readOrMakeSignInToken(folder)).toThrow(SignInTokenRefused);
  });

  it('is not followed to a file elsewhere', () => {
    const [folder, elsewhere] = [aFolder(), aFolder()];
    readOrMakeSignInToken(elsewhere);
    symlinkSync(signInTokenFile(elsewhere), signInTokenFile(folder));
    expect(() => readOrMakeSignInToken(folder)).toThrow();
  });
});
