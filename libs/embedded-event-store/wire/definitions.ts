import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import featuresGrpc from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import gossipGrpc from '@eventstore/db-client/generated/gossip_grpc_pb.js';

const asTheyAre = (message: Buffer): Buffer => message;

/** `Streams` as the client package defines it, but with `Read` answering in ready-made bytes. */
export const StreamsService = {
  ...streamsGrpc.StreamsService,
  read: { ...streamsGrpc.StreamsService.read, responseSerialize: asTheyAre, responseDeserialize: asTheyAre },
};

export const { ServerFeaturesService } = featuresGrpc;
export const { GossipService } = gossipGrpc;
