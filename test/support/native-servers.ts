import { kafkaIsMissing } from '../../deploy/native/kafka-jars.mjs';
import { redisIsMissing } from '../../deploy/native/redis-server.mjs';
import { type Requirement } from './requires.ts';

/** What deploy/native starts and a machine may lack. */
export const nativeServers: readonly Requirement[] = [
  { name: 'Kafka natively', missing: kafkaIsMissing },
  { name: 'Redis natively', missing: redisIsMissing },
];
