import { ourClient, ourServer, stockServer } from './sides.ts';
import { describeWire } from './wire-conformance.ts';
import { describeReplies } from './wire-replies.ts';

describeWire(ourClient, stockServer);
describeWire(ourClient, ourServer);
describeReplies(ourClient);
