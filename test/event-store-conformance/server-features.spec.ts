import { Empty } from '@eventstore/db-client/generated/shared_pb.js';
import { ServerFeaturesClient } from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import { type SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb.js';
import { credentials } from '@grpc/grpc-js';
import { expect, it } from '@jest/globals';
import { requires } from '#testing/requires';
import { eventStoreUnderTest, oneHostWithoutTls } from './event-store-under-test.ts';

const store = eventStoreUnderTest();

requires(oneHostWithoutTls)('server features', () => {
  // ServerFeatures.cs. Without it the client would use the plain append throughout, and batch cases would test nothing.
  it('name BatchAppend and the version of the server', async () => {
    const { host, port } = store.endpoint;
    const client = new ServerFeaturesClient(`${host}:${port}`, credentials.createInsecure());
    const features = await new Promise<SupportedMethods.AsObject>((resolve, reject) => {
      client.getSupportedMethods(new Empty(), (error, reply) => {
        if (error) reject(error);
        else resolve(reply.toObject());
      });
    });
    client.close();
    const methods = features.methodsList.map(({ serviceName, methodName }) => `${serviceName}/${methodName}`);
    expect(methods.map((name) => name.toLowerCase())).toContain('event_store.client.streams.streams/batchappend');
    expect(features.eventStoreServerVersion).toMatch(/^\d+\.\d+/);
  });
});
