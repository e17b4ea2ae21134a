import { KEY_CHANGES_TOPIC } from './key-changes.ts';
import { TOPICS } from './topics.ts';
import { USERS_DELETED_DEAD_LETTER_TOPIC, USERS_DELETED_TOPIC } from './users-deleted.ts';

export interface TopicLayout {
  readonly name: string;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
}

export interface LayoutOptions {
  /** How many replicas of a service can share the work of a topic. */
  readonly requestPartitions?: number;
  /** Callers take one each; more of them than this share some, and read what is not for them. */
  readonly replyPartitions?: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/**
 * Every topic with what it needs (docs/topics.md). A request is in force for 30 s at most, so its topics keep ten minutes:
 * enough to look at, little to read again. The broker dates requests and deletions itself, because deadlines and the
 * times in events come from it. And it unpacks what comes compressed: consumers know gzip alone and inflate it without a
 * limit, so that one record of a writer who may write could end every reader; the broker checks its size unpacked.
 */
export function topicLayout(
  prefix: string,
  { requestPartitions = 8, replyPartitions = 32 }: LayoutOptions = {},
): readonly TopicLayout[] {
  const dated = { 'message.timestamp.type': 'LogAppendTime' };
  const brief = {
    'cleanup.policy': 'delete',
    'retention.ms': String(10 * MINUTE_MS),
    'segment.ms': String(5 * MINUTE_MS),
  };
  const kept = { 'cleanup.policy': 'delete', 'retention.ms': String(90 * DAY_MS) };
  const requests = Object.keys(TOPICS).flatMap((topic) => [
    { name: topic, partitions: requestPartitions, config: { ...brief, ...dated } },
    { name: `${topic}.reply`, partitions: replyPartitions, config: brief },
  ]);
  const events = [
    { name: KEY_CHANGES_TOPIC, partitions: 1, config: { ...brief, ...dated } },
    { name: USERS_DELETED_TOPIC, partitions: requestPartitions, config: { ...kept, ...dated } },
    { name: USERS_DELETED_DEAD_LETTER_TOPIC, partitions: 1, config: kept },
  ];
  const unpacked = { 'compression.type': 'uncompressed' };
  return [...requests, ...events].map(({ name, partitions, config }) => {
    return { name: prefix + name, partitions, config: { ...config, ...unpacked } };
  });
}
