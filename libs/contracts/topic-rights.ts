import { KEY_CHANGES_TOPIC } from './key-changes.ts';
import { TOPICS, type Topic } from './topics.ts';
import { USERS_DELETED_DEAD_LETTER_TOPIC, USERS_DELETED_TOPIC } from './users-deleted.ts';

/** What Kafka's ACLs have to allow; Read and Write of a topic include Describe. */
export interface Right {
  readonly operation: 'Create' | 'DescribeConfigs' | 'Describe' | 'Read' | 'Write';
  readonly resource: 'group' | 'topic';
  /** In full; `prefixed`: all that begin so. */
  readonly names: readonly string[];
  readonly pattern: 'literal' | 'prefixed';
}

export interface RightsOfRole {
  /** The name of the identity; the same as its client id. */
  readonly principal: string;
  readonly rights: readonly Right[];
}

const ANSWERED_BY_AUTH: readonly Topic[] = ['keys.verify', 'keys.last-used'];
const ALL = Object.keys(TOPICS) as readonly Topic[];
const COMMANDS = ALL.filter((topic) => !ANSWERED_BY_AUTH.includes(topic));

/**
 * Who may do what, and nothing beyond it (docs/topics.md, Rights). Whoever may write a command may command in any user's
 * name: only the gateway can, which knows who asks.
 * @param replyGroups what the names of the callers' groups begin with
 */
export function topicRights(prefix: string, replyGroups: string): readonly RightsOfRole[] {
  const named = (topics: readonly string[]) => topics.map((topic) => prefix + topic);
  const on = (operation: Right['operation'], topics: readonly string[]): Right => {
    return { operation, resource: 'topic', names: named(topics), pattern: 'literal' };
  };
  const inGroups = (names: readonly string[]): Right => {
    return { operation: 'Read', resource: 'group', names: named(names), pattern: 'literal' };
  };
  const whole = (operation: Right['operation']): Right => {
    return { operation, resource: 'topic', names: [prefix], pattern: 'prefixed' };
  };
  const readsReplies: Right = { operation: 'Read', resource: 'group', names: [replyGroups], pattern: 'prefixed' };
  const replies = (topics: readonly string[]) => topics.map((topic) => `${topic}.reply`);
  const rights: Readonly<Record<string, readonly Right[]>> = {
    topics: [whole('Create'), whole('DescribeConfigs'), whole('Describe')],
    command: [
      on('Read', [...COMMANDS, USERS_DELETED_TOPIC]),
      on('Write', [...replies(COMMANDS), USERS_DELETED_DEAD_LETTER_TOPIC]),
      inGroups(['command', 'command.users-deleted']),
    ],
    auth: [on('Read', ANSWERED_BY_AUTH), on('Write', replies(ANSWERED_BY_AUTH)), inGroups(['auth'])],
    projector: [on('Write', [KEY_CHANGES_TOPIC])],
    gateway: [on('Write', ALL), on('Read', replies(ALL)), readsReplies],
    verifier: [on('Write', ['keys.verify']), on('Read', ['keys.verify.reply', KEY_CHANGES_TOPIC]), readsReplies],
    accounts: [on('Write', [USERS_DELETED_TOPIC])],
  };
  return Object.entries(rights).map(([role, of]) => ({ principal: prefix + role, rights: of }));
}
