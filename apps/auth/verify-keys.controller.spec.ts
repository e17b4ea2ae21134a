import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type INestMicroservice, type NestApplicationOptions } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type CustomStrategy } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { messageContract } from '#contracts/message-contract';
import { type VerifyReply, type VerifyRequest, verifyReply } from '#contracts/verification';
import { MemoryLastUse } from '#key-lookup/last-use';
import { type LookupReader } from '#key-lookup/lookup-reader';
import { InProcessBus } from '#runtime/in-process-bus';
import { InProcessClient } from '#runtime/in-process-client';
import { InProcessServer } from '#runtime/in-process-server';
import { RequestRecord } from '#runtime/request-record';
import { hashNo } from '#testing/given-keys';
import { HandDrivenLookup } from '#testing/hand-driven-lookup';
import { AuthModule } from './auth.module.ts';

const ann = { userId: 'ann', keyId: 'key', scopes: ['a:write'] };
const hash = hashNo(1);
const INVALID = { valid: false, code: 'INVALID_REQUEST' };

describe('keys.verify', () => {
  let lookup: HandDrivenLookup;
  let calls: number;
  let service: INestMicroservice;
  let client: InProcessClient;
  const verify = async (request: unknown, deadlineMs?: number) => {
    const record = new RequestRecord(request, deadlineMs === undefined ? {} : { deadlineMs });
    return verifyReply.parse(await firstValueFrom(client.send<VerifyReply>('keys.verify', record)));
  };

  beforeEach(async () => {
    lookup = await HandDrivenLookup.open();
    await lookup.event({ put: hash, entry: ann });
    calls = 0;
    const counting: LookupReader = {
      lookUp: (hashes) => ((calls += 1), lookup.reader.lookUp(hashes)),
      shards: () => lookup.reader.shards(),
      advanced: (signal) => lookup.reader.advanced(signal),
    };
    const bus = new InProcessBus();
    const strategy = new InProcessServer(bus, messageContract);
    const module = AuthModule.register({ lookup: counting, lastUse: new MemoryLastUse(), waitMs: 60_000 });
    const options: Pick<NestApplicationOptions, 'logger'> & CustomStrategy = { strategy, logger: false };
    service = await NestFactory.createMicroservice(module, options);
    await service.listen();
    client = new InProcessClient(bus);
  });

  afterEach(async () => {
    await client.close();
    await service.close();
  });

  it('answers single items and lists of items, all that came together from one lookup', async () => {
    const accepted = { valid: true, ...ann, position: '2' };
    const requests: VerifyRequest[] = [
      { hash },
      { items: [{ hash, scopes: ['a:read', 'b:read'] }, { hash: hashNo(2) }, { hash: 'bad' }, { hash }] },
      { hash: hashNo(3) },
    ];
    expect(await Promise.all(requests.map((request) => verify(request)))).toEqual([
      accepted,
      {
        results: [
          { valid: false, code: 'INSUFFICIENT_SCOPE', position: '2', missing: ['b:read'] },
          { valid: false, code: 'NOT_FOUND', position: '2' },
          INVALID,
          accepted,
        ],
      },
      { valid: false, code: 'NOT_FOUND', position: '2' },
    ]);
    expect(calls).toBe(1);
  });

  it('answers the rest of a list while one request waits for its position', async () => {
    const waiting = verify({ hash, minPosition: '3' });
    const waitingItems = verify({ items: [{ hash }, { minPosition: '4' }] });
    expect(await verify({ hash })).toMatchObject({ valid: true, position: '2' });
    await lookup.event({ remove: hash, owner: ann });
    expect(await waiting).toEqual({ valid: false, code: 'NOT_FOUND', position: '3' });
    await lookup.event();
    // Each item is judged where it was ready: the one that did not wait, before the removal.
    expect(await waitingItems).toMatchObject({
      results: [
        { valid: true, position: '2' },
        { code: 'NOT_FOUND', position: '4' },
      ],
    });
  });

  it('answers a request STALE before its own deadline is over', async () => {
    const deadlineMs = Date.now() + 500;
    expect(await verify({ hash, minPosition: '3' }, deadlineMs)).toEqual({
      valid: false,
      code: 'STALE',
      position: '2',
    });
    expect(Date.now()).toBeLessThan(deadlineMs);
  });

  it.each([
    ['nothing', {}],
    ['no items', { items: [] }],
    ['too many items', { items: Array(513).fill({ hash }) }],
    ['no hash format', { hash: 'x' }],
    ['a negative position', { hash, minPosition: '-1' }],
    ['null', null],
    ['an array', []],
    ['a text', 'text'],
  ])('refuses %s as a whole', async (_, request) => {
    expect(await verify(request)).toEqual(INVALID);
  });

  it('answers UNAVAILABLE while the lookup can’t be shown to be fresh', async () => {
    lookup.nowMs += 30_001;
    expect(await verify({ items: [{ hash }, { minPosition: '1' }] })).toEqual({
      results: [
        { valid: false, code: 'UNAVAILABLE' },
        { valid: false, code: 'UNAVAILABLE' },
      ],
    });
  });
});
