import { invalidRequest } from './invalid-request.ts';
import { TOPICS, type Topic } from './topics.ts';

/** What a transport asks: what a topic's request must be, and how one that is not is answered. */
export const messageContract = {
  requestSchema: (topic: string) => (Object.hasOwn(TOPICS, topic) ? TOPICS[topic as Topic].request : undefined),
  refuse: invalidRequest,
};
