/** Fetches what deploy/native needs from the network, once, so that nothing has to later. */
import { makeClassArchive } from './kafka-class-archive.mjs';
import { kafkaJars } from './kafka-jars.mjs';

console.log(`Kafka’s jars are in ${kafkaJars()}`);
await makeClassArchive();
