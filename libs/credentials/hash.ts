import { hash } from 'node:crypto';
import { type Secret } from './secret.ts';

/** `sha256$<64 lower-case hex>` over the UTF-8 value; unsalted, because a value has 256 bits that nobody can guess. */
export function sha256Hash(value: Secret): string {
  return `sha256$${hash('sha256', value.reveal(), 'hex')}`;
}
