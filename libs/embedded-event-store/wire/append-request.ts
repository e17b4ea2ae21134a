import type sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import { type Expected } from '../append-rules.ts';
import { type ProposedEvent } from '../event.ts';

/** A message that breaks the protocol's own rules. `property`: the required metadata entry that is missing. */
export class MalformedRequest extends Error {
  override readonly name = 'MalformedRequest';

  constructor(
    message: string,
    readonly property?: string,
  ) {
    super(message);
  }
}

interface ProposedMessage {
  getId(): sharedPb.UUID | undefined;
  getMetadataMap(): { get(key: string): string | undefined };
  getCustomMetadata_asU8(): Uint8Array;
  getData_asU8(): Uint8Array;
}

/** @throws {MalformedRequest} */
export function proposedEvent(message: ProposedMessage): ProposedEvent {
  const metadata = message.getMetadataMap();
  return {
    id: uuidText(message.getId()),
    type: required(metadata.get('type'), 'type'),
    isJson: required(metadata.get('content-type'), 'content-type') === 'application/json',
    data: message.getData_asU8(),
    metadata: message.getCustomMetadata_asU8(),
  };
}

/** What an event counts towards the limit of an append (24.6, `Event.SizeOnDisk`: type strings are UTF-16 there). */
export function sizeOnDisk({ type, data, metadata }: ProposedEvent): number {
  return data.length + metadata.length + type.length * 2;
}

interface ExpectedRevision {
  hasAny(): boolean;
  hasNoStream(): boolean;
  hasStreamExists?(): boolean;
}

/** @param revision the decimal revision, where one is given */
export function expectedRevision(options: ExpectedRevision, revision: string | undefined): Expected {
  if (revision !== undefined) return BigInt(revision);
  if (options.hasAny()) return 'any';
  if (options.hasNoStream()) return 'no_stream';
  if (options.hasStreamExists?.() === true) return 'stream_exists';
  throw new MalformedRequest('An append needs an expected revision');
}

/** @throws {MalformedRequest} */
export function streamName(identifier: sharedPb.StreamIdentifier | undefined): string {
  const name = Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');
  if (name === '' || name === '$all') throw new MalformedRequest('A stream needs a name, and $all is none');
  return name;
}

/** Revisions and positions beyond what a log can hold all mean "past the end". */
export function revisionNumber(text: string): number {
  const value = BigInt(text);
  return value > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : Number(value);
}

export function uuidText(uuid: sharedPb.UUID | undefined): string {
  const structured = uuid?.getStructured();
  if (structured !== undefined) {
    const half = (bits: string) => BigInt.asUintN(64, BigInt(bits)).toString(16).padStart(16, '0');
    const hex = half(structured.getMostSignificantBits()) + half(structured.getLeastSignificantBits());
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
  const text = uuid?.getString().toLowerCase() ?? '';
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) throw new MalformedRequest('An id is no UUID');
  return text;
}

function required(value: string | undefined, property: string): string {
  if (value === undefined) throw new MalformedRequest(`Required Metadata Property '${property}' is missing`, property);
  return value;
}
