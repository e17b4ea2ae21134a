import { randomUUID } from 'node:crypto';
import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';

// The messages of a read that are no events, as bytes, since `Read` sends bytes.

export function confirmation(): Buffer {
  const content = new streamsPb.ReadResp.SubscriptionConfirmation();
  content.setSubscriptionId(randomUUID());
  return encoded((response) => response.setConfirmation(content));
}

export function checkpoint(position: number): Buffer {
  const content = new streamsPb.ReadResp.Checkpoint();
  content.setCommitPosition(String(position));
  content.setPreparePosition(String(position));
  return encoded((response) => response.setCheckpoint(content));
}

export function caughtUp(): Buffer {
  return encoded((response) => response.setCaughtUp(new streamsPb.ReadResp.CaughtUp()));
}

export function fellBehind(): Buffer {
  return encoded((response) => response.setFellBehind(new streamsPb.ReadResp.FellBehind()));
}

export function streamNotFound(stream: string): Buffer {
  const identifier = new sharedPb.StreamIdentifier();
  identifier.setStreamName(Buffer.from(stream, 'utf8'));
  const content = new streamsPb.ReadResp.StreamNotFound();
  content.setStreamIdentifier(identifier);
  return encoded((response) => response.setStreamNotFound(content));
}

function encoded(fill: (response: streamsPb.ReadResp) => unknown): Buffer {
  const response = new streamsPb.ReadResp();
  fill(response);
  return Buffer.from(response.serializeBinary());
}
