import { randomUUID } from 'node:crypto';
import { type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import featuresPb from '@eventstore/db-client/generated/serverfeatures_pb.js';
import gossipPb from '@eventstore/db-client/generated/gossip_pb.js';
import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import { GossipService, ServerFeaturesService, StreamsService } from './wire/definitions.ts';

/** The version whose behaviour this node follows. */
const SERVER_VERSION = '24.6.0.0';

/** `ServerFeatures`: what a client may ask of this node. */
export function featuresService() {
  const methods = [StreamsService, GossipService, ServerFeaturesService].flatMap((service) =>
    Object.values(service).map(({ path }: { path: string }) => supportedMethod(path)),
  );
  return {
    getSupportedMethods(
      _call: ServerUnaryCall<sharedPb.Empty, featuresPb.SupportedMethods>,
      callback: sendUnaryData<featuresPb.SupportedMethods>,
    ): void {
      const supported = new featuresPb.SupportedMethods();
      supported.setEventStoreServerVersion(SERVER_VERSION);
      supported.setMethodsList(methods);
      callback(null, supported);
    },
  };
}

/** `Gossip`: a cluster of one, always its leader. The address is the one that it listens on. */
export function gossipService(address: () => { host: string; port: number }) {
  const instanceId = new sharedPb.UUID();
  instanceId.setString(randomUUID());
  return {
    read(
      _call: ServerUnaryCall<sharedPb.Empty, gossipPb.ClusterInfo>,
      callback: sendUnaryData<gossipPb.ClusterInfo>,
    ): void {
      const { host, port } = address();
      const endPoint = new gossipPb.EndPoint();
      endPoint.setAddress(host);
      endPoint.setPort(port);
      const member = new gossipPb.MemberInfo();
      member.setInstanceId(instanceId);
      member.setState(gossipPb.MemberInfo.VNodeState.LEADER);
      member.setIsAlive(true);
      member.setHttpEndPoint(endPoint);
      const cluster = new gossipPb.ClusterInfo();
      cluster.setMembersList([member]);
      callback(null, cluster);
    },
  };
}

/** Clients compare names in lower case, which is how EventStoreDB spells methods. */
function supportedMethod(path: string): featuresPb.SupportedMethod {
  const [, serviceName = '', methodName = ''] = path.split('/');
  const method = new featuresPb.SupportedMethod();
  method.setServiceName(serviceName);
  method.setMethodName(methodName.toLowerCase());
  return method;
}
