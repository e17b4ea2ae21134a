/** The baseline: that what the other suites expect is what NestJS does. */
import { stockClient, stockServer } from './sides.ts';
import { describeWire } from './wire-conformance.ts';
import { describeReplies } from './wire-replies.ts';
import { describeRecords } from './wire-records.ts';

describeWire(stockClient, stockServer);
describeRecords(stockServer);
describeReplies(stockClient);
