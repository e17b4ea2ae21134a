import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import { idOf, responseOf } from '../stored-event.ts';

/** The data bytes of a stored event. Decodes all of it, so it is for the few events that the server itself reads. */
export function dataOf(stored: Buffer): Buffer {
  const response = streamsPb.ReadResp.deserializeBinary(responseOf(stored));
  return Buffer.from(response.getEvent()?.getEvent()?.getData_asU8() ?? []);
}

/** The response for a client that asks for ids as two 64-bit halves instead of text. */
export function responseWithStructuredId(stored: Buffer): Buffer {
  const response = streamsPb.ReadResp.deserializeBinary(responseOf(stored));
  const hex = idOf(stored).replaceAll('-', '');
  const halves = new sharedPb.UUID.Structured();
  halves.setMostSignificantBits(BigInt.asIntN(64, BigInt(`0x${hex.slice(0, 16)}`)).toString());
  halves.setLeastSignificantBits(BigInt.asIntN(64, BigInt(`0x${hex.slice(16)}`)).toString());
  const id = new sharedPb.UUID();
  id.setStructured(halves);
  response.getEvent()?.getEvent()?.setId(id);
  return Buffer.from(response.serializeBinary());
}
