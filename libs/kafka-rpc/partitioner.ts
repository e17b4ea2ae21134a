import { type ICustomPartitioner } from 'kafkajs';

/**
 * Messages that name no partition all go to one, and the next send's to the next one: a keyless message has no home, and
 * spread one by one over the partitions each would be a batch of its own, to be written, fetched and answered apart.
 */
export const onePartitionPerSend: ICustomPartitioner = () => {
  const next = new Map<string, { turn: number; isUsed: boolean }>();
  return ({ topic, message, partitionMetadata }) => {
    if (message.partition !== undefined) return message.partition;
    let state = next.get(topic);
    if (state === undefined) {
      state = { turn: Math.floor(Math.random() * partitionMetadata.length), isUsed: false };
      next.set(topic, state);
    }
    if (!state.isUsed) {
      state.isUsed = true;
      state.turn += 1;
      // kafkajs asks for all messages of a send in one turn.
      const used = state;
      queueMicrotask(() => (used.isUsed = false));
    }
    return partitionMetadata[state.turn % partitionMetadata.length]?.partitionId ?? 0;
  };
};
