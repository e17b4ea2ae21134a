export { begin as default } from './shared-servers.mjs';
