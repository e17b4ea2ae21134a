export function redisIsMissing(): string | undefined;
