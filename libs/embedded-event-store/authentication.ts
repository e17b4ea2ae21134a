import { createHash, timingSafeEqual } from 'node:crypto';
import {
  type Metadata,
  Metadata as TrailerMetadata,
  ServerInterceptingCall,
  status,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import { GossipService, ServerFeaturesService } from './wire/definitions.ts';

/** The one user there is. */
const USER = 'admin';

/** Clients ask these before they know anything, and send no credentials along; EventStoreDB answers them to anyone, too. */
const OPEN_TO_ALL = new Set<string>([ServerFeaturesService.getSupportedMethods.path, GossipService.read.path]);

/** Refuses every call without the right Basic credentials, before its handler sees it. */
export function basicAuthentication(password: string): ServerInterceptor {
  const expected = digest(`Basic ${Buffer.from(`${USER}:${password}`).toString('base64')}`);
  return (method, call) => {
    if (OPEN_TO_ALL.has(method.path)) return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, forward) => {
            if (isAuthentic(metadata, expected)) forward(metadata);
            else call.sendStatus(refusal());
          },
        }),
    });
  };
}

function isAuthentic(metadata: Metadata, expected: Buffer): boolean {
  const given = metadata.get('authorization').at(0);
  // Digests are compared, in constant time, so that neither content nor length shows.
  return given !== undefined && timingSafeEqual(digest(String(given)), expected);
}

function refusal() {
  const metadata = new TrailerMetadata();
  metadata.set('exception', 'access-denied');
  return { code: status.UNAUTHENTICATED, details: 'Access Denied', metadata };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
