import { ourClient, ourServer, stockServer } from './sides.ts';
import { describeWire } from './wire-conformance.ts';

describeWire(ourClient, stockServer);
describeWire(ourClient, ourServer);
