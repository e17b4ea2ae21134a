import { ourServer, stockClient } from './sides.ts';
import { describeWire } from './wire-conformance.ts';
import { describeRecords } from './wire-records.ts';

describeWire(stockClient, ourServer);
describeRecords(ourServer);
