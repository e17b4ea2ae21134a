export { end as default } from './shared-servers.mjs';
