import { describe, expect, it } from '@jest/globals';
import { Channel, connectivityState, credentials } from '@grpc/grpc-js';
import { OpenChannels } from './open-channels.ts';

const aChannel = () => new Channel('127.0.0.1:1', credentials.createInsecure(), {});

describe('the channels of a client', () => {
  it('do not grow in number with those that the client has closed', () => {
    const channels = new OpenChannels();
    for (let turn = 0; turn < 100; turn += 1) {
      const channel = aChannel();
      channels.add(channel);
      channel.close();
    }
    expect(channels.size).toBe(1);
  });

  it('are all closed in the end, if the client has not', () => {
    const channels = new OpenChannels();
    const all = [aChannel(), aChannel(), aChannel()];
    for (const channel of all) channels.add(channel);
    expect(channels.size).toBe(3);
    all[1]!.close();
    channels.closeAll();
    channels.closeAll();
    expect(all.map((channel) => channel.getConnectivityState(false))).toEqual(
      all.map(() => connectivityState.SHUTDOWN),
    );
  });
});
