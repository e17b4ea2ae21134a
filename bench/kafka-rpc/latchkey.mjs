export const latchkey = {};
